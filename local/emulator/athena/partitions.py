"""MSCK REPAIR TABLE: registers the partitions under a table's location that its catalog does not have.

No patch of its own: `engine` uses it.
"""

import re

from local.emulator.athena.results import QueryFailed, Result
from local.emulator.glue.hive import folders_of, hidden, is_iceberg, location_of
from local.emulator.iam import roles

STATEMENT = re.compile(r"\s*MSCK\s+REPAIR\s+TABLE\s+(?:`?(\w+)`?\.)?`?(\w+)`?\s*;?\s*$", re.IGNORECASE)
BATCH = 100


def repair(credentials: roles.Credentials, database: str, sql: str) -> Result:
    """An empty result. Raises QueryFailed for another form of the statement and for an Iceberg table, ClientError.

    https://docs.aws.amazon.com/athena/latest/ug/querying-iceberg-additional-operations.html
    """
    found = STATEMENT.fullmatch(sql)
    if found is None:
        raise QueryFailed("SYNTAX_ERROR: expected MSCK REPAIR TABLE name")
    where = {"DatabaseName": found[1] or database, "TableName": found[2]}
    glue, s3 = roles.client("glue", credentials), roles.client("s3", credentials)
    table = glue.get_table(DatabaseName=where["DatabaseName"], Name=where["TableName"])["Table"]
    if is_iceberg(table):
        raise QueryFailed("NOT_SUPPORTED: MSCK REPAIR TABLE is not supported for Iceberg tables")
    bucket, prefix = location_of(table["StorageDescriptor"]["Location"])
    keys = [key["Name"].lower() for key in table.get("PartitionKeys", [])]
    pages = glue.get_paginator("get_partitions").paginate(**where)
    known = {tuple(partition["Values"]) for page in pages for partition in page["Partitions"]}
    new: dict[tuple[str, ...], str] = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", []):
            key = entry["Key"]
            folders = folders_of(key[len(prefix) :])
            values = tuple(value for _, value in folders)
            named = [name.lower() for name, _ in folders]
            if named == keys and values not in known and not hidden(key[len(prefix) :]):
                new.setdefault(values, key.rsplit("/", 1)[0])
    inputs = [
        {
            "Values": list(values),
            "StorageDescriptor": table["StorageDescriptor"] | {"Location": f"s3://{bucket}/{folder}/"},
        }
        for values, folder in new.items()
    ]
    for start in range(0, len(inputs), BATCH):
        glue.batch_create_partition(**where, PartitionInputList=inputs[start : start + BATCH])
    return Result([], [], [[f"Repair: Added partition to metastore {'/'.join(entry['Values'])}"] for entry in inputs])
