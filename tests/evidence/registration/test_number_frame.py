from dataclasses import replace

import numpy as np
import pytest

from evidence.pages import declinations, print_page
from tablesim.evidence.registration.number_frame import NumberFrame


def test_frame_is_measured_in_digit_heights(tmp_path):
    a = print_page(tmp_path, "a", declinations(), size=24)
    b = print_page(tmp_path, "b", declinations(), size=48, pitch=68, widths=[144] * 8, at=(160, 300))
    frames = NumberFrame.of(a), NumberFrame.of(b)
    assert frames[1].unit == pytest.approx(2 * frames[0].unit, rel=0.1)
    spans = [np.ptp(frame.centres, axis=0) for frame in frames]
    np.testing.assert_allclose(spans[0], spans[1], rtol=0.12)  # digits are whole pixels high


def test_numbers_beside_the_table_are_no_column_of_it(tmp_path):
    a = print_page(tmp_path, "a", declinations())
    outside = [replace(n, table=None, row=None, column=None) if n.column in (0, 7) else n for n in a.numbers]
    frame, whole = NumberFrame.of(replace(a, numbers=tuple(outside))), NumberFrame.of(a)
    for labels, known in ((frame.columns, whole.columns), (frame.rows, whole.rows)):
        parts = {(int(one), int(other)) for one, other in zip(labels, known, strict=True)}
        assert len({one for one, _ in parts}) == len(parts)  # no label stands for two columns or rows
