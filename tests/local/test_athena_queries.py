"""SQL over the catalog's tables, as Athena answers it."""

import base64
import datetime as dt
import io
import json
import random
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from local import Deployment, LocalAWS
from local.waiting import eventually
from tests.local.state_machines import output_of, run

SCHEMA = pa.schema(
    [
        ("amount", pa.decimal128(10, 2)),
        ("sold_on", pa.date32()),
        ("seen_at", pa.timestamp("ms")),
        ("tags", pa.list_(pa.string())),
        ("number", pa.int64()),
        ("share", pa.float64()),
        ("note", pa.string()),
    ]
)
TYPES = ["decimal(10,2)", "date", "timestamp", "array<string>", "bigint", "double", "string"]
ROW = {
    "amount": Decimal("1.50"),
    "sold_on": dt.date(2025, 1, 31),
    "seen_at": dt.datetime(2025, 1, 31, 12, 30, 1, 5000),
    "tags": ["a", "b"],
    "number": 7,
    "share": 0.5,
    "note": 'said "hi", left',
}


def put(aws: LocalAWS, bucket: str, key: str, rows: list[dict[str, Any]], schema: pa.Schema = SCHEMA) -> None:
    body = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), body)
    aws.client("s3").put_object(Bucket=bucket, Key=key, Body=body.getvalue())


@pytest.fixture(scope="module")
def database(aws: LocalAWS, stack: Deployment) -> str:
    """A table `sales` with two registered partitions and one that only lies in S3."""
    bucket, name = stack.outputs["BucketName"], stack.resources["Database"]
    columns = [{"Name": field.name, "Type": kind} for field, kind in zip(SCHEMA, TYPES, strict=True)]
    storage = {"Columns": columns, "Location": f"s3://{bucket}/job/athena/"}
    glue = aws.client("glue")
    glue.create_table(
        DatabaseName=name,
        TableInput={
            "Name": "athena_sales",
            "TableType": "EXTERNAL_TABLE",
            "PartitionKeys": [{"Name": "month", "Type": "string"}],
            "StorageDescriptor": storage,
        },
    )
    for month in ("2025-01", "2025-02", "2025-03"):
        folder = f"job/athena/month={month}"
        put(aws, bucket, f"{folder}/part.parquet", [ROW, ROW | {"number": None}])
        put(aws, bucket, f"{folder}/_hidden.parquet", [ROW])
        if month != "2025-03":
            location = storage | {"Location": f"s3://{bucket}/{folder}/"}
            glue.create_partition(
                DatabaseName=name,
                TableName="athena_sales",
                PartitionInput={"Values": [month], "StorageDescriptor": location},
            )
    return name


def query(aws: LocalAWS, stack: Deployment, sql: str, *parameters: str, **extra: Any) -> dict[str, Any]:
    """The ended execution."""
    athena = aws.client("athena")
    given = {"ExecutionParameters": list(parameters)} if parameters else {}
    context = {"Database": stack.resources["Database"]}
    started = athena.start_query_execution(
        QueryString=sql, WorkGroup=stack.resources["WorkGroup"], QueryExecutionContext=context, **given, **extra
    )

    def ended() -> dict[str, Any] | None:
        found = athena.get_query_execution(QueryExecutionId=started["QueryExecutionId"])["QueryExecution"]
        return dict(found) if found["Status"]["State"] not in ("QUEUED", "RUNNING") else None

    return eventually(ended)


def rows(aws: LocalAWS, stack: Deployment, sql: str, *parameters: str) -> list[list[str | None]]:
    done = query(aws, stack, sql, *parameters)
    assert done["Status"]["State"] == "SUCCEEDED", done["Status"]
    answer = aws.client("athena").get_query_results(QueryExecutionId=done["QueryExecutionId"])
    found = [[datum.get("VarCharValue") for datum in row["Data"]] for row in answer["ResultSet"]["Rows"]]
    return found[1:]


@pytest.mark.usefixtures("database")
def test_only_registered_partitions_and_no_hidden_files_are_read(aws: LocalAWS, stack: Deployment) -> None:
    sql = "SELECT month, count(*) AS n, count(number) FROM athena_sales GROUP BY month ORDER BY month"
    assert rows(aws, stack, sql) == [["2025-01", "2", "1"], ["2025-02", "2", "1"]]


@pytest.mark.usefixtures("database")
def test_values_and_types_are_shown_as_athena_shows_them(aws: LocalAWS, stack: Deployment) -> None:
    done = query(aws, stack, "SELECT * FROM athena_sales WHERE month = '2025-01' AND number = 7")
    answer = aws.client("athena").get_query_results(QueryExecutionId=done["QueryExecutionId"])["ResultSet"]
    assert [datum["VarCharValue"] for datum in answer["Rows"][1]["Data"]] == [
        "1.50",
        "2025-01-31",
        "2025-01-31 12:30:01.005",
        "[a, b]",
        "7",
        "0.5",
        'said "hi", left',
        "2025-01",
    ]
    columns = answer["ResultSetMetadata"]["ColumnInfo"]
    kinds = ["decimal", "date", "timestamp", "array", "bigint", "double", "varchar", "varchar"]
    assert [column["Type"] for column in columns] == kinds
    assert (columns[0]["Precision"], columns[0]["Scale"]) == (10, 2)


@pytest.mark.usefixtures("database")
def test_parameters_are_literals_and_nothing_else(aws: LocalAWS, stack: Deployment) -> None:
    sql = "SELECT count(*) FROM athena_sales WHERE month = ? AND number >= ?"
    assert rows(aws, stack, sql, "'2025-02'", "7") == [["1"]]
    assert rows(aws, stack, "SELECT count(*) FROM athena_sales WHERE month = ?", "'x'' OR 1=1 --'") == [["0"]]
    hostile = query(aws, stack, sql, "'2025-02'", "7 OR true")
    assert "is not a literal" in hostile["Status"]["StateChangeReason"]
    too_few = query(aws, stack, sql, "'2025-02'")
    assert "expected 2 but found 1" in too_few["Status"]["StateChangeReason"]


@pytest.mark.usefixtures("database")
def test_trino_functions_are_understood(aws: LocalAWS, stack: Deployment) -> None:
    sql = """
        WITH t AS (SELECT * FROM athena_sales WHERE month = '2025-01')
        SELECT date_format(sold_on, '%Y-%m'), approx_distinct(note), cardinality(tags), contains(tags, 'b'),
               element_at(tags, 1), arbitrary(note), date_diff('day', sold_on, DATE '2025-02-01'),
               try_cast(note AS bigint)
        FROM t GROUP BY 1, 3, 4, 5, 7, 8
    """
    assert rows(aws, stack, sql) == [["2025-01", "1", "2", "true", "a", ROW["note"], "1", None]]


@pytest.mark.usefixtures("database")
def test_the_result_lies_where_the_workgroup_says(aws: LocalAWS, stack: Deployment, bucket: str) -> None:
    elsewhere = {"OutputLocation": f"s3://{bucket}/elsewhere/"}
    done = query(aws, stack, "SELECT number, note FROM athena_sales", ResultConfiguration=elsewhere)
    location = f"s3://{bucket}/results/{done['QueryExecutionId']}.csv"
    assert done["ResultConfiguration"]["OutputLocation"] == location
    found = aws.client("s3").get_object(Bucket=bucket, Key=f"results/{done['QueryExecutionId']}.csv")
    lines = found["Body"].read().decode().splitlines()
    assert lines[0] == '"number","note"'
    assert sorted(set(lines[1:])) == ['"7","said ""hi"", left"', ',"said ""hi"", left"']
    assert found["ServerSideEncryption"] == "AES256"


@pytest.mark.usefixtures("database")
def test_a_query_that_scans_too_much_is_cancelled(aws: LocalAWS, stack: Deployment, bucket: str) -> None:
    athena = aws.client("athena")
    one = query(aws, stack, "SELECT number FROM athena_sales WHERE month = '2025-01'")["Statistics"]
    two = query(aws, stack, "SELECT number FROM athena_sales")["Statistics"]
    wide = query(aws, stack, "SELECT * FROM athena_sales")["Statistics"]
    assert 0 < one["DataScannedInBytes"] < two["DataScannedInBytes"] < wide["DataScannedInBytes"]
    limits = {
        "BytesScannedCutoffPerQuery": 10_000_000,
        "EnforceWorkGroupConfiguration": True,
        "ResultConfiguration": {"OutputLocation": f"s3://{bucket}/results/"},
    }
    athena.create_work_group(Name="tight", Configuration=limits)
    noise = pa.schema([("note", pa.string())])
    generator = random.Random(1)  # noqa: S311
    put(aws, bucket, "job/wide/a.parquet", [{"note": generator.randbytes(600).hex()} for _ in range(20_000)], noise)
    aws.client("glue").create_table(
        DatabaseName=stack.resources["Database"],
        TableInput={
            "Name": "wide",
            "StorageDescriptor": {
                "Columns": [{"Name": "note", "Type": "string"}],
                "Location": f"s3://{bucket}/job/wide/",
            },
        },
    )
    done = query(aws, stack, "SELECT max(note) FROM wide")
    assert (done["Status"]["State"], done["Status"]["StateChangeReason"]) == (
        "CANCELLED",
        "Bytes scanned limit was exceeded",
    )


@pytest.mark.usefixtures("database")
def test_a_file_of_another_type_is_bad_data(aws: LocalAWS, stack: Deployment, bucket: str) -> None:
    put(aws, bucket, "job/typed/a.parquet", [{"number": "x"}], pa.schema([("number", pa.string())]))
    storage = {"Columns": [{"Name": "number", "Type": "bigint"}], "Location": f"s3://{bucket}/job/typed/"}
    aws.client("glue").create_table(
        DatabaseName=stack.resources["Database"], TableInput={"Name": "typed", "StorageDescriptor": storage}
    )
    done = query(aws, stack, "SELECT number FROM typed")
    assert done["Status"]["State"] == "FAILED"
    assert done["Status"]["StateChangeReason"].startswith("HIVE_BAD_DATA: Field number's type string")


def test_a_table_that_is_not_there_is_named(aws: LocalAWS, stack: Deployment) -> None:
    done = query(aws, stack, "SELECT * FROM nowhere")
    assert done["Status"]["StateChangeReason"].startswith("TABLE_NOT_FOUND")


@pytest.mark.usefixtures("database")
def test_the_machine_queries_with_its_own_permissions(aws: LocalAWS, stack: Deployment, database: str) -> None:
    sql = f'SELECT count(*) FROM "{database}"."athena_sales" WHERE month = ?'  # noqa: S608
    given = {"way": "query", "sql": sql, "parameters": ["'2025-01'"]}
    query_id = output_of(run(aws, stack.outputs["MachineArn"], given))["id"]
    answer = aws.client("athena").get_query_results(QueryExecutionId=query_id)
    assert answer["ResultSet"]["Rows"][1]["Data"] == [{"VarCharValue": "2"}]
    failed = run(aws, stack.outputs["MachineArn"], given | {"parameters": ["nonsense("]})
    assert failed["error"] == "States.TaskFailed"
    assert json.loads(failed["cause"])["Status"]["State"] == "FAILED"


def make_view(aws: LocalAWS, database: str, name: str, sql: str, schema: str = "") -> None:
    document = {"originalSql": sql, "catalog": "awsdatacatalog", "schema": schema or database, "columns": []}
    text = base64.b64encode(json.dumps(document).encode()).decode()
    view = {"Name": name, "TableType": "VIRTUAL_VIEW", "PartitionKeys": [], "Parameters": {"presto_view": "true"}}
    storage = {"Columns": [{"Name": "number", "Type": "bigint"}], "SerdeInfo": {}}
    made = view | {"StorageDescriptor": storage, "ViewOriginalText": f"/* Presto View: {text} */"}
    aws.client("glue").create_table(DatabaseName=database, TableInput=made)


def test_a_view_of_the_catalog_is_what_its_query_finds_now(aws: LocalAWS, stack: Deployment, database: str) -> None:
    latest = (
        'SELECT "month", "number" FROM (SELECT *, row_number() OVER (PARTITION BY "month" ORDER BY "number" DESC '
        'NULLS LAST) AS place FROM "athena_sales") WHERE place = 1'
    )
    make_view(aws, database, "athena_latest", latest)
    make_view(aws, database, "athena_doubled", "SELECT month, number * 2 AS number FROM athena_latest")
    assert rows(aws, stack, "SELECT * FROM athena_latest ORDER BY month") == [["2025-01", "7"], ["2025-02", "7"]]
    joined = (
        "SELECT athena_latest.number, d.number FROM athena_latest JOIN athena_doubled AS d USING (month) "
        "JOIN athena_sales AS s ON s.month = d.month WHERE d.month = ?"
    )
    assert rows(aws, stack, joined, "'2025-01'") == [["7", "14"]] * 2
    named = (
        "WITH athena_doubled AS (SELECT 1 AS one) SELECT one, count(*) FROM athena_doubled, athena_latest GROUP BY 1"
    )
    assert rows(aws, stack, named) == [["1", "2"]]


def test_a_view_that_cannot_be_read_says_so(aws: LocalAWS, stack: Deployment, database: str) -> None:
    make_view(aws, database, "athena_itself", "SELECT * FROM athena_itself")
    make_view(aws, database, "athena_elsewhere", "SELECT * FROM athena_sales", schema="nowhere")
    table = aws.client("glue").get_table(DatabaseName=database, Name="athena_itself")["Table"]
    kept = {name: table[name] for name in ("PartitionKeys", "TableType", "Parameters", "StorageDescriptor")}
    broken = kept | {"Name": "athena_broken", "ViewOriginalText": "SELECT 1"}
    aws.client("glue").create_table(DatabaseName=database, TableInput=broken)
    reasons = {
        name: query(aws, stack, f"SELECT * FROM {name}")["Status"]["StateChangeReason"].split(":")[0]  # noqa: S608
        for name in ("athena_itself", "athena_elsewhere", "athena_broken")
    }
    assert reasons == {
        "athena_itself": "VIEW_IS_RECURSIVE",
        "athena_elsewhere": "TABLE_NOT_FOUND",
        "athena_broken": "INVALID_VIEW",
    }


def test_repairing_a_table_registers_what_lies_there(aws: LocalAWS, stack: Deployment, database: str) -> None:
    query(aws, stack, "MSCK REPAIR TABLE athena_sales")
    found = aws.client("glue").get_partitions(DatabaseName=database, TableName="athena_sales")["Partitions"]
    assert sorted(partition["Values"] for partition in found) == [["2025-01"], ["2025-02"], ["2025-03"]]


@pytest.mark.usefixtures("database")
def test_a_condition_on_the_path_prunes_files(aws: LocalAWS, stack: Deployment) -> None:
    bucket = stack.outputs["BucketName"]
    sql = 'SELECT "$path", count(note) AS n FROM athena_sales WHERE "$path" IN (?, ?) GROUP BY 1'
    chosen, other = (f"s3://{bucket}/job/athena/month={month}/part.parquet" for month in ("2025-01", "2026-01"))
    assert rows(aws, stack, sql, f"'{chosen}'", f"'{other}'") == [[chosen, "2"]]
    whole = query(aws, stack, "SELECT count(note) FROM athena_sales")
    one = query(aws, stack, sql, f"'{chosen}'", f"'{other}'")
    assert one["Statistics"]["DataScannedInBytes"] < whole["Statistics"]["DataScannedInBytes"]


@pytest.mark.usefixtures("database")
def test_conditions_choose_files_of_the_table_that_they_are_on(aws: LocalAWS, stack: Deployment) -> None:
    bucket = stack.outputs["BucketName"]
    path = f"s3://{bucket}/job/athena/month=2025-01/part.parquet"
    beside = f"""SELECT (SELECT count(DISTINCT month) FROM athena_sales) > 1, month FROM athena_sales
                 WHERE "$path" IN ('{path}') AND number = 7"""  # noqa: S608
    assert rows(aws, stack, beside) == [["true", "2025-01"]]
    unmatched = """
        SELECT l.month FROM (SELECT '2025-01' AS month) AS l
        LEFT JOIN athena_sales AS r ON r.month = l.month WHERE r.month IS NULL
    """
    assert rows(aws, stack, unmatched) == []
    whole = query(aws, stack, "SELECT r.note FROM athena_sales AS r, (SELECT 7 AS number) AS l")
    inner = "SELECT r.note FROM athena_sales AS r JOIN (SELECT 7 AS number) AS l ON l.number = r.number"
    one = query(aws, stack, f"{inner} WHERE r.month = '2025-01'")
    assert one["Statistics"]["DataScannedInBytes"] < whole["Statistics"]["DataScannedInBytes"]
