"""Definitions of tables are replaced whole, and never from a version that is no longer current."""

import os
import subprocess
import sys
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local import Deployment, LocalAWS


@pytest.fixture
def table(aws: LocalAWS, stack: Deployment) -> dict[str, str]:
    where = {"DatabaseName": stack.resources["Database"], "Name": f"table_{uuid.uuid4().hex[:8]}"}
    definition = {"Name": where["Name"], "Parameters": {"by": "nobody"}, "Description": "of the tests"}
    aws.client("glue").create_table(DatabaseName=where["DatabaseName"], TableInput=definition)
    return where


def update(aws: LocalAWS, table: dict[str, str], parameters: dict[str, str], **extra: Any) -> str:
    """The code of the error; empty without one."""
    definition = {"Name": table["Name"], "Parameters": parameters}
    try:
        aws.client("glue").update_table(DatabaseName=table["DatabaseName"], TableInput=definition, **extra)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


RACE = """
import sys, threading
from ministack.services import glue
from local.emulator.glue import catalog

catalog.patch()
sys.setswitchinterval(1e-6)
glue._databases["sales"] = {"Name": "sales"}
update = {"DatabaseName": "sales", "TableInput": {"Name": "sales"}}
glue._create_table(update)
for _ in range(300):
    version, codes, together = glue._tables["sales/sales"]["VersionId"], [], threading.Barrier(8)

    def replace():
        together.wait()
        codes.append(glue._update_table(update | {"VersionId": version})[0])

    threads = [threading.Thread(target=replace) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [200] + [400] * 7, codes
"""


def test_of_updates_of_one_version_at_once_one_takes_effect() -> None:
    environment = os.environ | {"GATEWAY_PORT": "1", "SLUICE_STATE": "unused"}
    done = subprocess.run([sys.executable, "-c", RACE], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_update_archives_the_former_version_unless_told_not_to(aws: LocalAWS, table: dict[str, str]) -> None:
    where = {"DatabaseName": table["DatabaseName"], "TableName": table["Name"]}
    first = aws.client("glue").get_table(**table)["Table"]["VersionId"]
    for by, skip in (("first", False), ("second", True), ("third", False)):
        assert update(aws, table, {"by": by}, SkipArchive=skip) == ""
    found = aws.client("glue").get_table_versions(**where)["TableVersions"]
    assert [version["Table"]["Parameters"]["by"] for version in found] == ["third", "second", "nobody"]
    assert found[-1]["VersionId"] == first
    assert update(aws, table, {"by": "late"}, VersionId=first) == "ConcurrentModificationException"


def test_an_update_replaces_the_whole_definition(aws: LocalAWS, table: dict[str, str]) -> None:
    update(aws, table, {})
    found = aws.client("glue").get_table(**table)["Table"]
    assert (found["Parameters"], found["Description"]) == ({}, "")
