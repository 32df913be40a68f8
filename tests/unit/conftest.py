from collections.abc import Iterator
from functools import cache

import botocore.session
import pytest
from moto import mock_aws
from moto.s3.exceptions import PreconditionFailed
from moto.s3.responses import S3Response

from tests.unit.cloud import ENVIRONMENT, Cloud

# moto gives every test a session of its own, and each session would read and parse the models of all services again.
botocore.session.create_loader = cache(botocore.session.create_loader)
_copy_object = S3Response.copy_object


def _copy_unless_there(self: S3Response) -> object:
    """Answer If-None-Match as S3 does; moto ignores it in a copy."""
    there = self.backend.get_object(self.bucket_name, self.parse_key_name())
    if self.headers.get("If-None-Match") == "*" and there is not None:
        raise PreconditionFailed("If-None-Match")
    return _copy_object(self)


S3Response.copy_object = _copy_unless_there


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        yield Cloud()
