"""Every point comes back from the working image to the source."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablesim.digits.scale import working_image
from tablesim.records.boxes import Box
from tablesim.records.transform import Transform

transforms = st.builds(
    Transform,
    source_width=st.integers(20, 4000),
    source_height=st.integers(20, 4000),
    rotation=st.sampled_from([0, 90, 180, 270]),
    scale=st.floats(0.1, 3.0),
    skew=st.floats(-5, 5),
)


@given(transforms, st.floats(0, 4000), st.floats(0, 4000))
def test_there_and_back(transform, x, y):
    point = np.array([[x, y]])
    np.testing.assert_allclose(transform.to_source(transform.to_working(point)), point, atol=1e-6)


@given(transforms)
def test_the_middle_stays_the_middle(transform):
    middle = np.array([[transform.source_width / 2, transform.source_height / 2]])
    width, height = transform.working_size
    np.testing.assert_allclose(transform.to_working(middle), [[width / 2, height / 2]], atol=1e-6)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("skew", [0.0, 2.5])
def test_the_working_image_is_where_the_transform_says(rotation, skew):
    grey = np.full((300, 500), 255, dtype=np.uint8)
    grey[60:72, 400:412] = 0
    transform = Transform(500, 300, rotation, 0.8, skew)
    image = working_image(grey, transform)
    rows, columns = np.nonzero(image < 100)
    found = transform.to_source(np.array([[columns.mean() + 0.5, rows.mean() + 0.5]]))
    np.testing.assert_allclose(found, [[406, 66]], atol=0.8)


def test_boxes_change_sides_with_a_quarter_turn():
    transform = Transform(500, 300, 90, 0.5)
    box = transform.box_to_source(Box(10, 20, 8, 16))
    assert (box.width, box.height) == (32, 16)


@pytest.mark.parametrize(("change", "message"), [({"rotation": 45}, "expected 0, 90"), ({"scale": 0}, "more than 0")])
def test_impossible_transforms_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Transform(10, 10, **change)
