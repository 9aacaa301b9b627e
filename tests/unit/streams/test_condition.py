"""Conditions: whole columns and one row at a time agree on what is kept."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import SettingsError
from streams.condition import Condition, conditions


@given(
    st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "in", "is null", "is not null"]),
    st.lists(st.none() | st.integers(-3, 3), max_size=8),
    st.integers(-3, 3),
)
def test_a_mask_is_what_holds_row_by_row(operator, values, value):
    """The mask of a column says of each row what the condition says of it alone."""
    given_value = None if "null" in operator else (value, value + 1) if operator == "in" else value
    condition = Condition("N", operator, given_value)
    mask = condition.mask({"N": pa.array(values, pa.int32())}, len(values))
    assert mask.tolist() == [condition.holds({"N": v}) for v in values]


def test_a_field_that_an_older_schema_lacks_is_null():
    """Where a schema has no such field, only `is null` holds."""
    assert Condition("N", "is null").mask({}, 2).tolist() == [True, True]
    assert Condition("N", "!=", 1).mask({}, 2).tolist() == [False, False]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["N"], "is not"),
        ([("N", "=", 1, 2)], "is not"),
        ([("N", "like", "x")], "not known"),
        ([("N", "=", None)], "compares with nothing"),
        ([("N", "is null", 3)], "compares with nothing"),
        ([("N", "in", "abc")], "needs a list"),
    ],
)
def test_what_is_no_condition_is_refused(wrong, said):
    """Something that is no condition, an unknown operator or a comparison with None is a wrong setting."""
    with pytest.raises(SettingsError, match=said) as caught:
        conditions(wrong, "here")
    assert caught.value.fix
