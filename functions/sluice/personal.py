"""Personal columns in the published table: hashed with a key, so that joins work and nobody can guess them."""

import hashlib
import hmac
import os
from functools import cache

import polars as pl

from sluice.contract import Contract
from sluice.errors import HashKeyMissing

HASH_KEY = "SLUICE_HASH_KEY"
HASH_KEY_SECRET = "SLUICE_HASH_KEY_SECRET"  # noqa: S105 (the name of a variable that names a secret)
NO_SECRET = "none"  # noqa: S105


def hashed(contract: Contract) -> list[pl.Expr]:
    """Return the expressions that publish `hash` columns as HMAC-SHA-256 (hex). Raises HashKeyMissing."""
    names = _hashed_names(contract)
    if not names:
        return []
    key = hash_key(contract).encode()

    def run(text: pl.Series) -> pl.Series:
        distinct = text.unique().drop_nulls()
        digests = [hmac.new(key, value.encode(), hashlib.sha256).hexdigest() for value in distinct]
        return text.replace_strict(distinct, pl.Series(digests, dtype=pl.String), default=None, return_dtype=pl.String)

    return [pl.col(name).map_batches(run, return_dtype=pl.String, is_elementwise=True) for name in names]


def hash_key(contract: Contract) -> str:
    """Return the key of the hashes, or an empty text when the contract hashes nothing.

    It is the environment variable SLUICE_HASH_KEY, or the secret of Secrets Manager that SLUICE_HASH_KEY_SECRET
    names, which is read when it is needed first: so the key is in no template, configuration or log.
    Raises HashKeyMissing when it is needed and absent.
    """
    names = _hashed_names(contract)
    if not names:
        return ""
    if key := os.environ.get(HASH_KEY, ""):
        return key
    secret = os.environ["SLUICE_HASH_KEY_SECRET"] if HASH_KEY_SECRET in os.environ else NO_SECRET
    if secret == NO_SECRET or not (key := _of_secret(secret)):
        raise HashKeyMissing(
            f"dataset {contract.name!r} publishes {names} hashed: deploy with the parameter HashKey=own "
            f"(on a laptop: set {HASH_KEY} to a secret)"
        )
    return key


def _hashed_names(contract: Contract) -> list[str]:
    return [name for name, treatment in contract.personal.items() if treatment == "hash"]


@cache
def _of_secret(name: str) -> str:
    import boto3  # a laptop that checks files needs no AWS

    return str(boto3.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"])
