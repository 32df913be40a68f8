"""Where the key of the hashes comes from, and what becomes of a contract that needs one and has none."""

import dataclasses
import hashlib
import hmac
from collections.abc import Iterator

import boto3
import polars as pl
import pytest
from moto import mock_aws

from datasets.sales import contract as SALES  # noqa: N812 (a constant)
from sluice import personal
from sluice.errors import HashKeyMissing

HASHING = dataclasses.replace(SALES, personal={"store_id": "hash"})


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("SLUICE_HASH_KEY", raising=False)
    monkeypatch.delenv("SLUICE_HASH_KEY_SECRET", raising=False)
    personal._of_secret.cache_clear()
    yield
    personal._of_secret.cache_clear()


def test_the_key_is_read_from_the_secret_that_the_configuration_names(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        made = boto3.client("secretsmanager").create_secret(Name="hashes", SecretString="pepper")
        monkeypatch.setenv("SLUICE_HASH_KEY_SECRET", made["ARN"])
        (expression,) = personal.hashed(HASHING)
    rows = pl.DataFrame({"store_id": ["S001", None, "S001"]}).select(expression)

    digest = hmac.new(b"pepper", b"S001", hashlib.sha256).hexdigest()
    assert rows["store_id"].to_list() == [digest, None, digest]


@pytest.mark.parametrize("named", [None, "none"])
def test_without_a_key_nothing_is_published(named: str | None, monkeypatch: pytest.MonkeyPatch):
    if named:
        monkeypatch.setenv("SLUICE_HASH_KEY_SECRET", named)

    with pytest.raises(HashKeyMissing, match="HashKey=own"):
        personal.hashed(HASHING)


def test_a_contract_that_hashes_nothing_needs_no_key():
    assert personal.hashed(SALES) == []
    assert personal.hash_key(SALES) == ""
