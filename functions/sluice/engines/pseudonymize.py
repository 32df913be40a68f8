"""Personal columns in the published table: hashed with a key, so that joins work and nobody can guess them."""

import hashlib
import hmac

import polars as pl

from sluice.contract.model import Contract
from sluice.errors import HashKeyMissing


def hashed(contract: Contract, key: str) -> list[pl.Expr]:
    """Return the expressions that publish `hash` columns as HMAC-SHA-256 (hex).

    Raises HashKeyMissing when the contract hashes a column and the key is empty.
    """
    names = contract.hashed
    if not names:
        return []
    if not key:
        raise HashKeyMissing(
            f"dataset {contract.name!r} publishes {list(names)} hashed: deploy with the parameter HashKey=own "
            "(on a laptop: set SLUICE_HASH_KEY to a secret)"
        )

    def run(text: pl.Series) -> pl.Series:
        distinct = text.unique().drop_nulls()
        digests = [hmac.new(key.encode(), value.encode(), hashlib.sha256).hexdigest() for value in distinct]
        return text.replace_strict(distinct, pl.Series(digests, dtype=pl.String), default=None, return_dtype=pl.String)

    return [pl.col(name).map_batches(run, return_dtype=pl.String, is_elementwise=True) for name in names]
