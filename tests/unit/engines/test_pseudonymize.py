"""Personal columns as hashes: the same text, the same hash; without a key nothing."""

import dataclasses
import hashlib
import hmac

import polars as pl
import pytest

from datasets.sales import contract as SALES  # noqa: N812 (a constant)
from sluice.engines.pseudonymize import hashed
from sluice.errors import HashKeyMissing

HASHING = dataclasses.replace(SALES, personal={"store_id": "hash"})


def test_a_hashed_column_holds_the_keyed_digest_of_each_text():
    (expression,) = hashed(HASHING, "pepper")
    rows = pl.DataFrame({"store_id": ["S001", None, "S001"]}).select(expression)

    digest = hmac.new(b"pepper", b"S001", hashlib.sha256).hexdigest()
    assert rows["store_id"].to_list() == [digest, None, digest]


def test_without_a_key_nothing_is_published():
    with pytest.raises(HashKeyMissing, match="HashKey=own"):
        hashed(HASHING, "")


def test_a_contract_that_hashes_nothing_needs_no_key():
    assert hashed(SALES, "") == []
