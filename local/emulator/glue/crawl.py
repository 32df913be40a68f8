"""One crawl: reads the Parquet files under a crawler's targets and registers what the catalog does not have yet.

As AWS Glue does: with an S3 target a crawler keeps only tables that it made itself. A table of the same name that an
API made stays as it is, next to a second one with a hash in its name (aws-sdk-pandas #702); of a table that names the
crawler but lacks the crawler's parameters it skips the partitions (cloud-intelligence-dashboards-data-collection
#456, #463). With catalog targets it registers partitions of those tables and makes none
(https://docs.aws.amazon.com/glue/latest/dg/define-crawler-choose-data-sources.html).
AWS does not say what becomes of an Iceberg table there; it has IcebergTargets for their folders. Here such a crawl
fails and changes nothing, so that nothing relies on it.
No patch of its own: `crawlers` runs it, under the crawler's role.
"""

import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow.parquet as pq
from botocore.exceptions import ClientError

from local.emulator.glue.hive import folders_of, hidden, hive_type, is_iceberg, location_of
from local.emulator.iam import roles

BATCH = 100  # partitions of one BatchCreatePartition, its limit
FORMAT = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
}
OWN = {"classification": "parquet", "compressionType": "none", "typeOfData": "file"}
"""Parameters of what a crawler makes; it skips partitions of a table whose own differ."""

MADE_BY = "UPDATED_BY_CRAWLER"
Table = dict[str, Any]


class NotCrawled(Exception):
    """A target that the crawl does not read."""


@dataclass
class Crawl:
    """A crawl that is about to run; `messages` is its log."""

    crawler: dict[str, Any]
    credentials: roles.Credentials
    messages: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.glue = roles.client("glue", self.credentials)
        self.s3 = roles.client("s3", self.credentials)
        configuration = json.loads(self.crawler.get("Configuration") or "{}")
        output = configuration.get("CrawlerOutput", {}).get("Partitions", {})
        self.table_level = configuration.get("Grouping", {}).get("TableLevelConfiguration")
        self.inherits = output.get("AddOrUpdateBehavior") == "InheritFromTable"
        policy = self.crawler.get("SchemaChangePolicy") or {}
        self.updates = policy.get("UpdateBehavior", "UPDATE_IN_DATABASE") == "UPDATE_IN_DATABASE"
        self.deletes = policy.get("DeleteBehavior", "DEPRECATE_IN_DATABASE") == "DELETE_FROM_DATABASE"

    def run(self) -> None:
        """Crawl all targets. Raises ClientError where the role may not, NotCrawled for an Iceberg table."""
        targets = self.crawler["Targets"]
        for target in targets.get("S3Targets", []):
            for path in self._table_paths(target["Path"]):
                self._crawl_path(path)
        for target in targets.get("CatalogTargets", []):
            self.glue.get_database(Name=target["DatabaseName"])
            tables = [self._table(target["DatabaseName"], name) for name in target["Tables"]]
            for table in tables:
                if is_iceberg(table):
                    raise NotCrawled(f"{table['Name']} is an Iceberg table: a catalog target cannot be one")
            for table in tables:
                self._crawl_table(table)

    def _table_paths(self, path: str) -> list[str]:
        """The folders that are tables: the target itself, or those at TableLevelConfiguration (the bucket is 1)."""
        bucket, prefix = location_of(path)
        prefixes = [prefix]
        for _ in range((self.table_level or 0) - 1 - prefix.count("/")):
            prefixes = [folder for parent in prefixes for folder in self._folders(bucket, parent)]
        return [f"s3://{bucket}/{prefix}" for prefix in prefixes]

    def _folders(self, bucket: str, prefix: str) -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, Delimiter="/")
        return [folder["Prefix"] for page in pages for folder in page.get("CommonPrefixes", [])]

    def _crawl_path(self, path: str) -> None:
        database = self.crawler["DatabaseName"]
        folder = path.rstrip("/").rsplit("/", 1)[-1]
        name = (self.crawler.get("TablePrefix") or "") + "".join(
            letter if letter.isalnum() else "_" for letter in folder.lower()
        )
        self.glue.get_database(Name=database)
        found = self._find(database, name)
        if found is not None and found.get("Parameters", {}).get(MADE_BY) != self.crawler["Name"]:
            name = f"{name}_{hashlib.md5(path.encode(), usedforsecurity=False).hexdigest()}"
            found = self._find(database, name)
        table = found or self._new_table(database, name, path)
        if table is None:
            self.messages.append(f"INFO : nothing to read under {path}")
        elif any(table["Parameters"].get(key) != value for key, value in OWN.items()):
            self.messages.append(f"WARN : partitions of {name} are skipped: its parameters are {table['Parameters']}")
        else:
            self._crawl_table(table)

    def _find(self, database: str, name: str) -> Table | None:
        try:
            return self._table(database, name)
        except ClientError as error:
            if error.response["Error"]["Code"] != "EntityNotFoundException":
                raise
            return None

    def _table(self, database: str, name: str) -> Table:
        table: Table = self.glue.get_table(DatabaseName=database, Name=name)["Table"]
        return table

    def _new_table(self, database: str, name: str, path: str) -> Table | None:
        bucket, prefix = location_of(path)
        for key in self._files(bucket, prefix):
            descriptor = FORMAT | {"Columns": self._columns(bucket, key), "Location": f"s3://{bucket}/{prefix}"}
            keys = [{"Name": part, "Type": "string"} for part, _ in folders_of(key[len(prefix) :])]
            table = {
                "Name": name,
                "StorageDescriptor": descriptor,
                "PartitionKeys": keys,
                "TableType": "EXTERNAL_TABLE",
                "Parameters": {**OWN, MADE_BY: self.crawler["Name"]},
            }
            self.glue.create_table(DatabaseName=database, TableInput=table)
            self.messages.append(f"INFO : created table {name} in database {database}")
            return table | {"DatabaseName": database}
        return None

    def _files(self, bucket: str, prefix: str) -> Iterator[str]:
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for entry in page.get("Contents", []):
                if entry["Size"] and not hidden(entry["Key"][len(prefix) :]):
                    yield entry["Key"]

    def _columns(self, bucket: str, key: str) -> list[dict[str, str]]:
        """The columns of a Parquet file in S3."""
        body = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        schema = pq.read_schema(io.BytesIO(body))
        return [{"Name": column.name.lower(), "Type": hive_type(column.type)} for column in schema]

    def _crawl_table(self, table: Table) -> None:
        bucket, prefix = location_of(table["StorageDescriptor"]["Location"])
        keys = [key["Name"].lower() for key in table.get("PartitionKeys", [])]
        first_files: dict[tuple[str, ...], str] = {}
        for key in self._files(bucket, prefix):
            folders = folders_of(key[len(prefix) :])
            if [name.lower() for name, _ in folders] != keys:
                self.messages.append(f"WARN : {key} does not lie in folders of {keys}")
                continue
            first_files.setdefault(tuple(value for _, value in folders), key)
        if first_files:
            self._compare_schema(table, bucket, next(iter(first_files.values())))
        if keys:
            self._register(table, bucket, first_files)

    def _compare_schema(self, table: Table, bucket: str, key: str) -> None:
        found = self._columns(bucket, key)
        known = [{"Name": column["Name"], "Type": column["Type"]} for column in table["StorageDescriptor"]["Columns"]]
        if found == known:
            return
        self.messages.append(f"WARN : schema of {key} is {found}, of table {table['Name']} {known}")
        if self.updates:
            descriptor = table["StorageDescriptor"] | {"Columns": found}
            kept = {
                name: table[name]
                for name in ("Name", "Description", "PartitionKeys", "TableType", "Parameters")
                if name in table
            }
            self.glue.update_table(
                DatabaseName=table["DatabaseName"], TableInput=kept | {"StorageDescriptor": descriptor}
            )
            table["StorageDescriptor"] = descriptor

    def _register(self, table: Table, bucket: str, first_files: dict[tuple[str, ...], str]) -> None:
        where = {"DatabaseName": table["DatabaseName"], "TableName": table["Name"]}
        pages = self.glue.get_paginator("get_partitions").paginate(**where)
        known = {tuple(partition["Values"]) for page in pages for partition in page["Partitions"]}
        new = [
            self._partition(table, bucket, values, key) for values, key in first_files.items() if values not in known
        ]
        for start in range(0, len(new), BATCH):
            errors = self.glue.batch_create_partition(**where, PartitionInputList=new[start : start + BATCH])["Errors"]
            self.messages.extend(f"ERROR : {error}" for error in errors)
        self.messages.append(f"INFO : added {len(new)} partitions to table {table['Name']}")
        gone = [list(values) for values in known if values not in first_files] if self.deletes else []
        for values in gone:
            self.glue.delete_partition(**where, PartitionValues=values)
            self.messages.append(f"INFO : deleted partition {values} of table {table['Name']}")

    def _partition(self, table: Table, bucket: str, values: tuple[str, ...], key: str) -> dict[str, Any]:
        columns = table["StorageDescriptor"]["Columns"] if self.inherits else self._columns(bucket, key)
        location = f"s3://{bucket}/{key.rsplit('/', 1)[0]}/"
        descriptor = table["StorageDescriptor"] | {"Columns": columns, "Location": location}
        return {"Values": list(values), "StorageDescriptor": descriptor, "Parameters": dict(OWN)}
