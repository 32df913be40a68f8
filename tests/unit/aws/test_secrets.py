"""Where the key of the hashes comes from."""

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from sluice.aws import secrets


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("SLUICE_HASH_KEY", raising=False)
    monkeypatch.delenv("SLUICE_HASH_KEY_SECRET", raising=False)
    secrets._value.cache_clear()
    yield
    secrets._value.cache_clear()


def test_the_key_is_read_from_the_secret_that_the_configuration_names(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        made = boto3.client("secretsmanager").create_secret(Name="hashes", SecretString="pepper")
        monkeypatch.setenv("SLUICE_HASH_KEY_SECRET", made["ARN"])
        assert secrets.hash_key() == "pepper"


@pytest.mark.parametrize("named", [None, "none"])
def test_without_a_secret_there_is_no_key(named: str | None, monkeypatch: pytest.MonkeyPatch):
    if named:
        monkeypatch.setenv("SLUICE_HASH_KEY_SECRET", named)
    assert secrets.hash_key() == ""


def test_a_laptop_gives_the_key_itself(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SLUICE_HASH_KEY", "pepper")
    assert secrets.hash_key() == "pepper"
