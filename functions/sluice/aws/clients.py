"""The clients of AWS services, all of one session, which reads botocore's models once. X-Ray traces their calls.

A function makes its clients while it is imported, since Lambda gives that phase more processor time. One that calls no
service (Route) imports none of this: botocore takes as long as everything else that it needs.
"""

from functools import cache
from typing import Any

import botocore.session

from sluice.aws.s3 import CLIENT_CONFIG
from sluice.aws.telemetry import tracer

# Only botocore is traced: patching everything that X-Ray knows would import it all at every cold start.
tracer.patch(modules=["botocore"])

_SESSION = botocore.session.get_session()


def client(service: str) -> Any:
    """Return a client without what boto3 adds."""
    return _SESSION.create_client(service, config=CLIENT_CONFIG)


def s3_files() -> Any:
    """Return S3's client with boto3's upload_file and download_file."""
    return _boto3().client("s3", config=CLIENT_CONFIG)


@cache
def _boto3() -> Any:
    import boto3  # takes 25 ms, multiprocessing among it: not for a function that does without

    boto3.setup_default_session(botocore_session=_SESSION)
    return boto3
