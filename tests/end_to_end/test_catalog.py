"""The catalog's tables, when two publications keep them at the same time."""

from dataclasses import replace
from typing import Any

from local import LocalAWS
from sluice.publish import tables
from tests.unit.publish.test_tables import MANIFEST

DATABASE = "kept_by_two"


def test_a_late_publication_does_not_bring_an_older_contracts_columns_back(aws: LocalAWS) -> None:
    slow, fast = aws.client("glue"), aws.client("glue")
    fast.create_database(DatabaseInput={"Name": DATABASE})
    columns = {version: [*MANIFEST.schema, {"name": f"of_{version}", "type": "int"}] for version in (1, 2, 3)}

    def ensure(glue: Any, version: int) -> None:
        manifest = replace(MANIFEST, contract_version=version, schema=columns[version])
        tables.ensure(glue, DATABASE, "sales", location="s3://lake/", declaration=manifest)

    def overtaken(**_: Any) -> None:
        slow.meta.events.unregister("before-call.glue.UpdateTable", overtaken)
        ensure(fast, 3)

    ensure(fast, 1)
    slow.meta.events.register("before-call.glue.UpdateTable", overtaken)
    ensure(slow, 2)
    kept = fast.get_table(DatabaseName=DATABASE, Name="sales")["Table"]
    assert kept["StorageDescriptor"]["Columns"][-1]["Name"] == "of_3"
