from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import botocore.session
import pytest
from moto import mock_aws
from moto.core.responses import ActionResult
from moto.glue.exceptions import GlueClientError
from moto.glue.responses import GlueResponse
from moto.s3.exceptions import PreconditionFailed
from moto.s3.responses import S3Response

from sluice.contract import registry
from tests.unit.cloud import ENVIRONMENT, Cloud

# moto gives every test a session of its own, and each session would read and parse the models of all services again.
botocore.session.create_loader = cache(botocore.session.create_loader)
_copy_object = S3Response.copy_object
_update_table = GlueResponse.update_table


def _copy_unless_there(self: S3Response) -> object:
    """Answer If-None-Match as S3 does; moto ignores it in a copy."""
    there = self.backend.get_object(self.bucket_name, self.parse_key_name())
    if self.headers.get("If-None-Match") == "*" and there is not None:
        raise PreconditionFailed("If-None-Match")
    return _copy_object(self)


def _update_unless_changed(self: GlueResponse) -> ActionResult:
    """Refuse a VersionId that is not the table's, as Glue does; moto ignores it.

    https://docs.aws.amazon.com/glue/latest/webapi/API_UpdateTable.html
    """
    table = self.glue_backend.get_table(self._get_param("DatabaseName"), self._get_param("TableInput")["Name"])
    asked = self._get_param("VersionId")
    if asked is not None and asked != table.as_dict()["VersionId"]:
        raise GlueClientError("ConcurrentModificationException", "Update table failed due to concurrent modifications.")
    return _update_table(self)


S3Response.copy_object = _copy_unless_there
GlueResponse.update_table = _update_unless_changed


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        yield Cloud()


@pytest.fixture
def iceberg(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make sales an Iceberg table."""
    monkeypatch.setitem(registry.contracts(), "sales", replace(registry.load("sales"), table="iceberg"))
