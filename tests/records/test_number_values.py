import json

from hypothesis import given
from hypothesis import strategies as st

from tablesim.records.number_values import value_from_json, value_from_text, value_to_json, value_to_text

values = st.none() | st.integers() | st.fractions() | st.decimals(allow_nan=False, allow_infinity=False, places=4)


@given(values)
def test_values_come_back_from_text_and_from_json(value):
    assert value_from_text(value_to_text(value)) == value
    assert value_from_json(json.loads(json.dumps(value_to_json(value)))) == value
