"""Personal columns in the published table: hashed with a key, so that joins work and nobody can guess them."""

import hashlib
import hmac
import os

import polars as pl

from sluice.contract import Contract
from sluice.errors import HashKeyMissing

HASH_KEY = "SLUICE_HASH_KEY"


def hashed(contract: Contract) -> list[pl.Expr]:
    """Return the expressions that publish `hash` columns as HMAC-SHA-256 (hex).

    The key is the environment variable SLUICE_HASH_KEY. Raises HashKeyMissing when it is needed and absent.
    """
    names = [name for name, treatment in contract.personal.items() if treatment == "hash"]
    if not names:
        return []
    key = os.environ.get(HASH_KEY, "").encode()
    if not key:
        raise HashKeyMissing(f"dataset {contract.name!r} publishes {names} hashed: set {HASH_KEY} to a secret")

    def run(text: pl.Series) -> pl.Series:
        distinct = text.unique().drop_nulls()
        digests = [hmac.new(key, value.encode(), hashlib.sha256).hexdigest() for value in distinct]
        return text.replace_strict(distinct, pl.Series(digests, dtype=pl.String), default=None, return_dtype=pl.String)

    return [pl.col(name).map_batches(run, return_dtype=pl.String, is_elementwise=True) for name in names]
