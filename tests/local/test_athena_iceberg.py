"""SQL over Iceberg tables, as Athena answers it."""

# ruff: noqa: S608 (the names of tables are the tests' own)
import datetime as dt
import json
import time
import uuid
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.table import Table
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import DecimalType, LongType, StringType

from local import Deployment, LocalAWS
from local.waiting import eventually
from tests.local.iceberg_lake import FILE_TYPES, MAPPING, Lake, commit
from tests.local.test_athena_queries import make_view, query, rows

JANUARY, FEBRUARY = ("2025-01", dt.date(2025, 1, 31)), ("2025-02", dt.date(2025, 2, 1))


@pytest.fixture(scope="module")
def lake(aws: LocalAWS, stack: Deployment) -> Lake:
    return Lake(aws, stack.outputs["BucketName"], stack.resources["Database"])


def sold(item: str, quantity: int, price: str = "1.50") -> dict[str, Any]:
    return {"item": item, "quantity": quantity, "price": Decimal(price)}


def of(month: tuple[str, dt.date]) -> tuple[str, int]:
    """The values of a partition as Iceberg keeps them."""
    return month[0], (month[1] - dt.date(1970, 1, 1)).days


def name_of(table: Table) -> str:
    return str(table.name()[1])


def two_sources(lake: Lake) -> tuple[Table, list[Any]]:
    table = lake.table()
    files = [
        lake.file(table, "a.csv", [sold("apple", 1), sold("pear", 2)], *of(JANUARY)),
        lake.file(table, "b.csv", [sold("plum", 3)], *of(FEBRUARY)),
    ]
    commit(table, files)
    return table, files


def failure(aws: LocalAWS, stack: Deployment, sql: str) -> str:
    status = query(aws, stack, sql)["Status"]
    assert status["State"] == "FAILED", status
    return str(status["StateChangeReason"])


def scanned(aws: LocalAWS, stack: Deployment, sql: str) -> int:
    done = query(aws, stack, sql)
    assert done["Status"]["State"] == "SUCCEEDED", done["Status"]
    return int(done["Statistics"]["DataScannedInBytes"])


def test_columns_and_partitions_come_from_the_metadata(aws: LocalAWS, stack: Deployment, lake: Lake) -> None:
    table, files = two_sources(lake)
    name = name_of(table)
    assert rows(aws, stack, f"SELECT * FROM {name} ORDER BY quantity DESC LIMIT 1") == [
        ["plum", "3", "1.50", "b.csv", "2025-02-01", "2025-02"]
    ]
    sql = f'SELECT month, count(*), "$path" FROM {name} GROUP BY 1, 3 ORDER BY 1'
    assert rows(aws, stack, sql) == [["2025-01", "2", files[0].file_path], ["2025-02", "1", files[1].file_path]]


def test_a_table_without_a_snapshot_is_empty(aws: LocalAWS, stack: Deployment, lake: Lake) -> None:
    name = name_of(lake.table())
    assert rows(aws, stack, f"SELECT count(*), max(month) FROM {name}") == [["0", None]]
    assert rows(aws, stack, f'SELECT count(*) FROM "{name}$files"') == [["0"]]


def test_a_partition_may_be_null(aws: LocalAWS, stack: Deployment, lake: Lake) -> None:
    table, _ = two_sources(lake)
    commit(table, [lake.file(table, "c.csv", [sold("fig", 4)], None, None)])
    name = name_of(table)
    assert rows(aws, stack, f"SELECT * FROM {name} WHERE month IS NULL") == [["fig", "4", "1.50", "c.csv", None, None]]
    assert rows(aws, stack, f"SELECT count(*) FROM {name} WHERE NOT (month IS NULL)") == [["3"]]
    assert rows(aws, stack, f"SELECT count(*) FROM {name} WHERE coalesce(month, 'none') = 'none'") == [["1"]]
    assert rows(aws, stack, f'SELECT partition FROM "{name}$partitions" WHERE record_count = 1 ORDER BY 1')[-1] == [
        "{month=null, sold_on=null}"
    ]


def test_the_kind_of_a_table_is_written_in_any_case(aws: LocalAWS, stack: Deployment, lake: Lake) -> None:
    name, glue = name_of(two_sources(lake)[0]), aws.client("glue")
    found = glue.get_table(DatabaseName=lake.database, Name=name)["Table"]
    kept = {part: found[part] for part in ("Name", "TableType", "StorageDescriptor")}
    glue.update_table(
        DatabaseName=lake.database, TableInput=kept | {"Parameters": found["Parameters"] | {"table_type": "iceberg"}}
    )
    assert rows(aws, stack, f"SELECT count(*) FROM {name}") == [["3"]]


def test_a_changed_schema_reads_old_and_new_files(aws: LocalAWS, stack: Deployment, lake: Lake) -> None:
    table, _ = two_sources(lake)
    before = table.current_snapshot()
    assert before is not None
    with table.update_schema() as update:
        update.rename_column("item", "article")
        update.update_column("quantity", LongType())
        update.update_column("price", DecimalType(12, 2))
        update.add_column("note", StringType())
        update.move_first("price")
    mapping = json.loads(json.dumps(MAPPING))
    mapping[0]["names"].append("article")
    note = table.schema().find_field("note").field_id
    with table.transaction() as transaction:
        names = [*mapping, {"field-id": note, "names": ["note"]}]
        transaction.set_properties({"schema.name-mapping.default": json.dumps(names)})
    types = {"article": pa.string(), "quantity": pa.int64(), "price": pa.decimal128(12, 2), "note": pa.string()}
    new = {"article": "fig", "quantity": 2**40, "price": Decimal("0.01"), "note": "ripe"}
    commit(table, [lake.file(table, "c.csv", [new], *of(JANUARY), types=types | {"_source_key": pa.string()})])
    name = name_of(table)
    assert rows(
        aws, stack, f"SELECT price, article, quantity, note FROM {name} WHERE month = '2025-01' ORDER BY 2"
    ) == [
        ["1.50", "apple", "1", None],
        ["0.01", "fig", str(2**40), "ripe"],
        ["1.50", "pear", "2", None],
    ]
    earlier = f"{name} FOR VERSION AS OF {before.snapshot_id}"
    assert rows(aws, stack, f"SELECT item, quantity FROM {earlier} WHERE item = 'plum'") == [["plum", "3"]]
    assert failure(aws, stack, f"SELECT note FROM {earlier}").startswith("COLUMN_NOT_FOUND")


def test_field_ids_of_a_file_come_before_its_names(aws: LocalAWS, stack: Deployment, lake: Lake) -> None:
    table = lake.table()
    types = pa.schema(
        [pa.field("whatever", pa.string(), metadata={b"PARQUET:field_id": b"1"}), ("quantity", pa.int32())]
    )
    commit(table, [lake.file(table, "a.csv", [{"whatever": "apple", "quantity": 1}], *of(JANUARY), types=types)])
    assert rows(aws, stack, f"SELECT item, quantity FROM {name_of(table)}") == [["apple", None]]


def test_a_file_of_another_type_is_refused(aws: LocalAWS, stack: Deployment, lake: Lake) -> None:
    table = lake.table()
    types = FILE_TYPES | {"quantity": pa.int64()}
    commit(table, [lake.file(table, "a.csv", [sold("apple", 1)], *of(JANUARY), types=types)])
    reason = failure(aws, stack, f"SELECT item FROM {name_of(table)}")
    assert reason.startswith("NOT_SUPPORTED: Unsupported Trino column type (int) for Parquet column"), reason


def test_partitions_may_change_without_new_files(aws: LocalAWS, stack: Deployment, lake: Lake) -> None:
    table, _ = two_sources(lake)
    with table.update_spec() as update:
        update.remove_field("sold_on")
        update.add_field("item", IdentityTransform(), "item")
    types = FILE_TYPES | {"sold_on": pa.date32()}
    row = sold("hidden by the partition", 4) | {"sold_on": dt.date(2025, 2, 2)}
    partition = {"month": "2025-02", "item": "fig"}
    values = [partition.get(field.name) for field in table.spec().fields]
    commit(table, [lake.file(table, "c.csv", [row], *values, types=types)])
    sql = f"SELECT item, sold_on, quantity FROM {name_of(table)} WHERE month = '2025-02' ORDER BY 1"
    assert rows(aws, stack, sql) == [["fig", "2025-02-02", "4"], ["plum", "2025-02-01", "3"]]
    assert rows(aws, stack, f"SELECT quantity FROM {name_of(table)} WHERE sold_on = DATE '2025-02-02'") == [["4"]]


@pytest.mark.parametrize(
    "condition",
    [
        "_source_key = 'b.csv'",
        "_source_key IN ('b.csv', 'c.csv')",
        "'a.csv' < _source_key",
        "_source_key BETWEEN 'b' AND 'c'",
        "NOT (_source_key <= 'a.csv')",
        "month = '2025-02'",
        "substr(month, 6) = '02'",
        "sold_on >= DATE '2025-01-31' + INTERVAL '1' DAY",
        "(_source_key = 'b.csv' OR _source_key = 'c.csv')",
        "s.month = '2025-02' AND quantity > 0",
    ],
)
def test_a_condition_on_partitions_or_bounds_reads_no_other_file(
    aws: LocalAWS, stack: Deployment, lake: Lake, condition: str
) -> None:
    table, files = two_sources(lake)
    name = name_of(table)
    sql = f"SELECT item FROM {name} AS s WHERE {condition}"
    assert rows(aws, stack, sql) == [["plum"]]
    aws.client("s3").delete_object(Bucket=lake.bucket, Key=files[0].file_path.removeprefix(f"s3://{lake.bucket}/"))
    assert rows(aws, stack, sql) == [["plum"]]


def test_a_condition_on_the_path_reads_no_other_file(aws: LocalAWS, stack: Deployment, lake: Lake) -> None:
    table, files = two_sources(lake)
    whole = f"SELECT count(item) FROM {name_of(table)}"
    chosen = f"""{whole} WHERE month = '2025-02' AND "$path" IN ('{files[1].file_path}', 's3://elsewhere/x')"""
    assert rows(aws, stack, chosen) == [["1"]]
    assert 0 < scanned(aws, stack, chosen) < scanned(aws, stack, whole)
    one = f"""{whole} WHERE "$path" = '{files[0].file_path}'"""
    assert scanned(aws, stack, one) + scanned(aws, stack, chosen) == scanned(aws, stack, whole)


def test_a_condition_of_one_mention_does_not_choose_the_files_of_another(
    aws: LocalAWS, stack: Deployment, lake: Lake
) -> None:
    table, _ = two_sources(lake)
    name = name_of(table)
    sql = f"""
        SELECT (SELECT count(*) FROM {name} WHERE month = '2025-01'), count(*),
               (SELECT count(*) FROM {name} AS l LEFT JOIN {name} AS r ON l.item = r.item AND r.month = '2025-02'
                WHERE r.month IS NULL)
        FROM {name}
    """
    assert rows(aws, stack, sql) == [["2", "3", "2"]]


def test_a_number_with_a_fraction_chooses_no_wrong_files(aws: LocalAWS, stack: Deployment, lake: Lake) -> None:
    table = lake.table()
    two = {2: b"\x02\x00\x00\x00"}
    commit(table, [lake.file(table, "a.csv", [sold("apple", 2)], *of(JANUARY), bounds=two)])
    assert rows(aws, stack, f"SELECT item FROM {name_of(table)} WHERE quantity > 1.5") == [["apple"]]
    assert scanned(aws, stack, f"SELECT item FROM {name_of(table)} WHERE quantity > 2") == 0


def test_time_travel_by_snapshot_time_and_reference(aws: LocalAWS, stack: Deployment, lake: Lake) -> None:
    table, files = two_sources(lake)
    first = table.current_snapshot()
    assert first is not None
    table.manage_snapshots().create_tag(first.snapshot_id, "march").commit()
    time.sleep(0.01)  # the resolution of a snapshot's time is a millisecond
    second = commit(table, [lake.file(table, "a.csv", [sold("apple", 9)], *of(JANUARY))], files[:1])
    name, moment = name_of(table), dt.datetime.fromtimestamp((first.timestamp_ms + 1) / 1000, dt.UTC)
    text, zoned = moment.strftime("%Y-%m-%d %H:%M:%S.%f"), moment.astimezone(dt.timezone(dt.timedelta(hours=2)))
    for version, total in {
        f"VERSION AS OF {first.snapshot_id}": "6",
        f"VERSION AS OF {second}": "12",
        "VERSION AS OF 'march'": "6",
        "VERSION AS OF 'main'": "12",
        f"TIMESTAMP AS OF TIMESTAMP '{text}'": "6",
        f"TIMESTAMP AS OF TIMESTAMP '{text} UTC'": "6",
        f"TIMESTAMP AS OF TIMESTAMP '{zoned:%Y-%m-%d %H:%M:%S.%f} +02:00'": "6",
        "TIMESTAMP AS OF (current_timestamp - interval '1' millisecond)": "12",
    }.items():
        assert rows(aws, stack, f"SELECT sum(quantity) FROM {name} FOR {version}") == [[total]], version
    assert rows(aws, stack, f"SELECT sum(quantity) FROM {name} FOR VERSION AS OF ?", str(first.snapshot_id)) == [["6"]]
    joined = f"""
        SELECT now.quantity, past.quantity FROM {name} AS now
        JOIN {name} FOR VERSION AS OF 'march' AS past ON past.item = now.item WHERE now.item = 'apple'
    """
    assert rows(aws, stack, joined) == [["9", "1"]]


def test_a_version_that_is_not_there_is_named(aws: LocalAWS, stack: Deployment, lake: Lake) -> None:
    name = name_of(two_sources(lake)[0])
    make_view(aws, lake.database, f"{name}_view", f"SELECT item FROM {name}")
    versions = {
        f"{name} FOR VERSION AS OF 7": "INVALID_ARGUMENTS: Iceberg snapshot ID does not exists: 7",
        f"{name} FOR VERSION AS OF 'april'": "INVALID_ARGUMENTS: Cannot find snapshot with reference name: april",
        f"{name} FOR VERSION AS OF 1.5": "NOT_SUPPORTED: Unsupported type for table version",
        f"{name} FOR TIMESTAMP AS OF DATE '2020-01-01'": "INVALID_ARGUMENTS: No version history table",
        f"{name} FOR TIMESTAMP AS OF DATE '2999-01-01'": "INVALID_ARGUMENTS: Pointer value",
        f"{name} FOR TIMESTAMP AS OF '2025-01-01'": "NOT_SUPPORTED: Unsupported type for temporal table version",
        f"{name}_view FOR VERSION AS OF 7": "NOT_SUPPORTED",
        f'"{name}$files" FOR VERSION AS OF 7': "NOT_SUPPORTED",
        f'"{name}$nothing"': "TABLE_NOT_FOUND",
    }
    for sql, reason in versions.items():
        assert failure(aws, stack, f"SELECT * FROM {sql}").startswith(reason), sql
    assert failure(aws, stack, f"DELETE FROM {name}").startswith("NOT_SUPPORTED")
    assert failure(aws, stack, f"MSCK REPAIR TABLE {name}").startswith("NOT_SUPPORTED")


def test_a_view_may_hold_a_version(aws: LocalAWS, stack: Deployment, lake: Lake) -> None:
    table, files = two_sources(lake)
    name, first = name_of(table), table.current_snapshot()
    assert first is not None
    commit(table, [], files[:1])
    make_view(aws, lake.database, f"{name}_then", f"SELECT item FROM {name} FOR VERSION AS OF {first.snapshot_id}")
    assert rows(aws, stack, f"SELECT (SELECT count(*) FROM {name}_then), count(*) FROM {name}") == [["3", "1"]]


def test_the_metadata_tables_are_those_of_athena(aws: LocalAWS, stack: Deployment, lake: Lake) -> None:
    table, files = two_sources(lake)
    first = table.current_snapshot()
    second = commit(table, [lake.file(table, "a.csv", [sold("apple", 9)], *of(JANUARY))], files[:1])
    assert first is not None
    table.manage_snapshots().create_tag(first.snapshot_id, "march").commit()
    name = name_of(table)

    found = rows(aws, stack, f'SELECT snapshot_id, parent_id, operation, summary FROM "{name}$snapshots" ORDER BY 2')
    assert [line[:3] for line in found] == [
        [str(second), str(first.snapshot_id), "overwrite"],
        [str(first.snapshot_id), None, "append"],
    ]
    assert "sluice.run-id=r1" in str(found[0][3])
    times = rows(aws, stack, f'SELECT committed_at FROM "{name}$snapshots" WHERE snapshot_id = {first.snapshot_id}')
    shown = dt.datetime.fromtimestamp(first.timestamp_ms / 1000, dt.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    assert times == [[f"{shown} UTC"]]
    assert rows(
        aws, stack, f'SELECT snapshot_id, is_current_ancestor FROM "{name}$history" ORDER BY made_current_at'
    ) == [
        [str(first.snapshot_id), "true"],
        [str(second), "true"],
    ]
    assert rows(aws, stack, f'SELECT name, type, snapshot_id FROM "{name}$refs" ORDER BY 1') == [
        ["main", "BRANCH", str(second)],
        ["march", "TAG", str(first.snapshot_id)],
    ]
    current = rows(aws, stack, f'SELECT file_path, record_count, lower_bounds FROM "{name}$files" ORDER BY 3 DESC')
    assert current[0] == [files[1].file_path, "1", "{4=b.csv}"]
    assert len(current) == 2
    assert rows(
        aws, stack, f'SELECT partition, record_count, file_count, data FROM "{name}$partitions" ORDER BY 1'
    ) == [
        [f"{{month={month}, sold_on={day}}}", "1", "1", data_of(source)]
        for month, day, source in (("2025-01", "2025-01-31", "a.csv"), ("2025-02", "2025-02-01", "b.csv"))
    ]
    counted = f'SELECT sum(added_data_files_count), sum(existing_data_files_count) FROM "{name}$manifests"'
    assert rows(aws, stack, counted) == [["1", "1"]]
    bounds = f'SELECT partitions FROM "{name}$manifests" WHERE existing_data_files_count = 1'
    assert "lower_bound=2025-02-01" in str(rows(aws, stack, bounds))


def data_of(source: str) -> str:
    """What "name$partitions" says of columns of which only `_source_key` has bounds."""
    nothing = "{min=null, max=null, null_count=null, nan_count=null}"
    key = f"{{min={source}, max={source}, null_count=null, nan_count=null}}"
    return f"{{item={nothing}, quantity={nothing}, price={nothing}, _source_key={key}}}"


def test_an_object_that_is_not_as_the_metadata_says_fails_the_query(
    aws: LocalAWS, stack: Deployment, lake: Lake
) -> None:
    table, files = two_sources(lake)
    name, s3 = name_of(table), aws.client("s3")
    whole = f"SELECT count(item) FROM {name}"
    assert rows(aws, stack, whole) == [["3"]]
    key = files[0].file_path.removeprefix(f"s3://{lake.bucket}/")
    s3.put_object(Bucket=lake.bucket, Key=key, Body=b"PAR1 of another size PAR1")
    opening = f"ICEBERG_CANNOT_OPEN_SPLIT: Error opening Iceberg split {files[0].file_path} (offset=0, length="
    reason = failure(aws, stack, whole)
    assert reason.startswith(opening)
    assert "Incorrect file size" in reason
    s3.delete_object(Bucket=lake.bucket, Key=key)
    assert failure(aws, stack, whole).endswith(f"File {files[0].file_path} not found")
    snapshot = table.current_snapshot()
    assert snapshot is not None
    s3.delete_object(Bucket=lake.bucket, Key=snapshot.manifest_list.removeprefix(f"s3://{lake.bucket}/"))
    assert failure(aws, stack, whole).startswith("GENERIC_INTERNAL_ERROR: An error occurred (NoSuchKey)")
    s3.delete_object(Bucket=lake.bucket, Key=table.metadata_location.removeprefix(f"s3://{lake.bucket}/"))
    missing = f"ICEBERG_MISSING_METADATA: Metadata not found in metadata location for table {lake.database}.{name}"
    assert failure(aws, stack, whole) == missing


def reader(aws: LocalAWS, stack: Deployment, *resources: str) -> Any:
    """A session that may query, and GetObject of some objects of the stack's bucket."""
    bucket = f"arn:aws:s3:::{stack.outputs['BucketName']}"
    allowed = {
        ("athena:*",): ["*"],
        ("glue:GetDatabase", "glue:GetTable"): ["*"],
        ("s3:GetBucketLocation", "s3:PutObject"): [bucket, f"{bucket}/results/*"],
        ("kms:*",): ["*"],
        ("s3:GetObject",): [f"{bucket}/{resource}" for resource in resources],
    }
    statements = [{"Effect": "Allow", "Action": list(does), "Resource": where} for does, where in allowed.items()]
    trust = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "sts:AssumeRole"}
    name, iam = f"reader-{uuid.uuid4().hex[:8]}", aws.client("iam")
    document = json.dumps({"Version": "2012-10-17", "Statement": trust})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_role_policy(RoleName=name, PolicyName="given", PolicyDocument=policy)
    return aws.session(role_arn=arn).client("athena")


def test_a_reader_needs_the_metadata_and_the_data_and_lists_nothing(
    aws: LocalAWS, stack: Deployment, lake: Lake
) -> None:
    name = name_of(two_sources(lake)[0])
    folder = f"job/iceberg/{name}"

    def state(athena: Any) -> tuple[str, str]:
        started = athena.start_query_execution(
            QueryString=f"SELECT count(item) FROM {name}",
            WorkGroup=stack.resources["WorkGroup"],
            QueryExecutionContext={"Database": lake.database},
        )["QueryExecutionId"]

        def ended() -> dict[str, Any] | None:
            status = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]["Status"]
            return dict(status) if status["State"] not in ("QUEUED", "RUNNING") else None

        status = eventually(ended)
        return status["State"], status.get("StateChangeReason", "").split(" ")[0]

    assert state(reader(aws, stack, f"{folder}/*")) == ("SUCCEEDED", "")
    assert state(reader(aws, stack, f"{folder}/metadata/*")) == ("FAILED", "PERMISSION_DENIED")
    assert state(reader(aws, stack, f"{folder}/*.parquet")) == ("FAILED", "PERMISSION_DENIED")
