"""The key with which personal columns are hashed: in no template, configuration or log."""

import os
from functools import cache

HASH_KEY = "SLUICE_HASH_KEY"
HASH_KEY_SECRET = "SLUICE_HASH_KEY_SECRET"  # noqa: S105 (the name of a variable that names a secret)
NO_SECRET = "none"  # noqa: S105


def hash_key() -> str:
    """Return the variable SLUICE_HASH_KEY, or the secret of Secrets Manager that SLUICE_HASH_KEY_SECRET names; empty
    when there is neither."""
    if key := os.environ.get(HASH_KEY, ""):
        return key
    secret = os.environ["SLUICE_HASH_KEY_SECRET"] if HASH_KEY_SECRET in os.environ else NO_SECRET
    return "" if secret == NO_SECRET else _value(secret)


@cache
def _value(secret: str) -> str:
    import boto3  # a laptop that checks files needs no AWS

    return str(boto3.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"])
