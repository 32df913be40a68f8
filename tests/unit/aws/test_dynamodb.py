"""Plain values and what DynamoDB keeps of them."""

import json
from decimal import Decimal

import pytest
from boto3.dynamodb.types import TypeDeserializer
from hypothesis import given
from hypothesis import strategies as st

from sluice.aws.dynamodb import plain, stored

FLOATS = st.floats(-1e9, 1e9, allow_nan=False).map(lambda number: round(number, 6))
VALUES = st.recursive(
    st.none() | st.booleans() | st.text() | st.integers(-(10**30), 10**30) | FLOATS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(item=st.dictionaries(st.text(max_size=5), VALUES, max_size=4))
def test_what_is_stored_comes_back_and_is_what_boto3_reads(item: dict[str, object]):
    assert plain(stored(item)) == item
    assert TypeDeserializer().deserialize({"M": stored(item)}) == json.loads(json.dumps(item), parse_float=Decimal)


def test_whole_numbers_are_whole_and_truth_is_no_number():
    assert [type(value) for value in plain(stored({"a": 5.0, "b": 5, "c": 0.5, "d": True})).values()] == [
        int, int, float, bool
    ]  # fmt: skip


def test_what_an_item_cannot_hold_is_refused_by_its_type():
    with pytest.raises(TypeError, match="cannot hold a set"):
        stored({"a": {1, 2}})
