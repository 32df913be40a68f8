"""One Spark for all tests, and an S3 that its workers can reach: they are other processes, which no mock patches."""

import os
from collections.abc import Iterator

import pytest
from moto.server import ThreadedMotoServer
from pyspark.sql import SparkSession

from cli import spark as cli_spark
from sluice.engines.spark.files import s3

AWS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def spark(s3_endpoint: str) -> Iterator[SparkSession]:
    """Java is part of what the tests need: without it they fail, and say so."""
    cli_spark.check()
    # The workers inherit what the environment was when Java started.
    before = dict(os.environ)
    os.environ.update(AWS, AWS_ENDPOINT_URL=s3_endpoint)
    session = cli_spark.session(short=True)
    yield session
    session.stop()
    s3.cache_clear()
    os.environ.clear()
    os.environ.update(before)
