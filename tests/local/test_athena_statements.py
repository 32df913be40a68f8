"""Statements other than queries, and what Athena refuses."""

import datetime as dt
from decimal import Decimal
from typing import Any

import awswrangler as wr
import boto3
import pytest
from botocore.exceptions import ClientError

from cli.stack.athena import QueryFailed, select
from cli.stack.connection import Stack
from local import Deployment, LocalAWS
from tests.local.test_athena_queries import make_view, put, query

TYPES = {"id": "bigint", "amount": "decimal(10,2)", "end": "date", "date": "date", "note": "string"}
ROWS = [
    {"id": 1, "amount": Decimal("1.50"), "end": dt.date(2025, 1, 31), "date": dt.date(2025, 1, 1), "note": "a"},
    {"id": 2, "amount": None, "end": dt.date(2025, 2, 28), "date": dt.date(2025, 2, 1), "note": 'b,"c"'},
]


@pytest.fixture(scope="module")
def database(aws: LocalAWS, stack: Deployment) -> str:
    """A table `things` with two partitions, and a view of it."""
    import pyarrow as pa

    bucket, name = stack.outputs["BucketName"], stack.resources["Database"]
    kinds = [pa.int64(), pa.decimal128(10, 2), pa.date32(), pa.date32(), pa.string()]
    schema = pa.schema(list(zip(TYPES, kinds, strict=True)))
    columns = [{"Name": column, "Type": kind} for column, kind in TYPES.items()]
    storage = {"Columns": columns, "Location": f"s3://{bucket}/job/things/"}
    glue = aws.client("glue")
    table = {"Name": "things", "TableType": "EXTERNAL_TABLE", "PartitionKeys": [{"Name": "month", "Type": "string"}]}
    glue.create_table(DatabaseName=name, TableInput=table | {"StorageDescriptor": storage})
    for month, row in zip(("2025-01", "2025-02"), ROWS, strict=True):
        put(aws, bucket, f"job/things/month={month}/part.parquet", [row], schema)
        where = storage | {"Location": f"s3://{bucket}/job/things/month={month}/"}
        partition = {"Values": [month], "StorageDescriptor": where}
        glue.create_partition(DatabaseName=name, TableName="things", PartitionInput=partition)
    make_view(aws, name, "things_latest", "SELECT id FROM things")
    return name


def lines(aws: LocalAWS, stack: Deployment, sql: str) -> list[str]:
    done = query(aws, stack, sql)
    assert done["Status"]["State"] == "SUCCEEDED", done["Status"]
    answer = aws.client("athena").get_query_results(QueryExecutionId=done["QueryExecutionId"])
    return [datum["VarCharValue"] for row in answer["ResultSet"]["Rows"] for datum in row["Data"]]


def reason(aws: LocalAWS, stack: Deployment, sql: str) -> str:
    done = query(aws, stack, sql)
    assert done["Status"]["State"] == "FAILED"
    return str(done["Status"]["StateChangeReason"])


@pytest.mark.parametrize(
    ("sql", "shown"),
    [
        ("SHOW TABLES 'thing*'", ["things", "things_latest"]),
        ("SHOW TABLES IN {database} LIKE 'things|nothing'", ["things"]),
        ("SHOW VIEWS LIKE 'things*';", ["things_latest"]),
        ("SHOW DATABASES LIKE '{database}'", ["{database}"]),
        ("SHOW SCHEMAS 'no such*'", []),
        ("SHOW PARTITIONS things", ["month=2025-01", "month=2025-02"]),
        ("show columns in `things`", [*TYPES, "month"]),
        ("SHOW COLUMNS FROM things IN {database}", [*TYPES, "month"]),
    ],
)
def test_the_catalog_is_shown(aws: LocalAWS, stack: Deployment, database: str, sql: str, shown: list[str]) -> None:
    assert lines(aws, stack, sql.format(database=database)) == [each.format(database=database) for each in shown]


def test_a_table_is_described_with_its_partition_keys_once_more(
    aws: LocalAWS, stack: Deployment, session: boto3.Session, database: str
) -> None:
    shown = [[cell.strip() for cell in line.split("\t")] for line in lines(aws, stack, f"DESCRIBE {database}.things")]
    columns = [[name, kind, ""] for name, kind in (TYPES | {"month": "string"}).items()]
    assert shown[: len(columns)] == columns
    assert shown[-1] == ["month", "string", ""]
    workgroup = stack.resources["WorkGroup"]
    found = wr.athena.describe_table("things", database, workgroup=workgroup, boto3_session=session)
    assert found["Column Name"].tolist() == [*TYPES, "month"]
    assert found["Partition"].tolist() == [False] * len(TYPES) + [True]


def test_the_statement_that_would_create_a_table_is_shown(
    aws: LocalAWS, stack: Deployment, session: boto3.Session, database: str
) -> None:
    workgroup = stack.resources["WorkGroup"]
    text = wr.athena.show_create_table("things", database, workgroup=workgroup, boto3_session=session)
    assert text.startswith(f"CREATE EXTERNAL TABLE `{database}.things`( `id` bigint, `amount` decimal(10,2),")
    assert "PARTITIONED BY ( `month` string)" in text
    assert f"LOCATION 's3://{stack.outputs['BucketName']}/job/things/'" in text
    assert lines(aws, stack, "SHOW CREATE VIEW things_latest")[1:] == ["SELECT id FROM things"]


@pytest.mark.usefixtures("database")
def test_what_is_not_in_the_catalog_is_not_shown(aws: LocalAWS, stack: Deployment) -> None:
    assert reason(aws, stack, "DESCRIBE nowhere").startswith("FAILED: SemanticException [Error 10001]")
    assert "not a partitioned table" in reason(aws, stack, "SHOW PARTITIONS things_latest")
    assert reason(aws, stack, "SHOW FUNCTIONS").startswith("NOT_SUPPORTED")
    assert reason(aws, stack, "INSERT INTO things SELECT * FROM things").startswith("NOT_SUPPORTED")


@pytest.fixture
def session(aws: LocalAWS, monkeypatch: pytest.MonkeyPatch) -> boto3.Session:
    for name, value in aws.env().items():
        monkeypatch.setenv(name, value)
    return boto3.Session(region_name=aws.region)


def read(stack: Deployment, session: boto3.Session, sql: str, **more: Any) -> Any:
    database, workgroup = stack.resources["Database"], stack.resources["WorkGroup"]
    return wr.athena.read_sql_query(sql, database, workgroup=workgroup, boto3_session=session, **more)


def test_awswrangler_reads_by_a_table_as_it_does_by_default_and_leaves_nothing(
    aws: LocalAWS, stack: Deployment, session: boto3.Session, database: str
) -> None:
    sql = 'SELECT id, amount, "end", note, count(*) OVER () AS n, sum(id) OVER () AS s FROM things ORDER BY id'
    for way in ({}, {"ctas_approach": False}):
        found = read(stack, session, sql, **way)
        assert [str(kind) for kind in found.dtypes] == ["Int64", "object", "object", "string", "Int64", "Int64"]
        assert found.to_numpy().tolist()[0] == [1, Decimal("1.50"), dt.date(2025, 1, 31), "a", 2, 3]
        assert found["note"].tolist() == ["a", 'b,"c"']
    assert read(stack, session, "SELECT id FROM things WHERE id > 9").columns.tolist() == ["id"]
    assert lines(aws, stack, "SHOW TABLES 'temp_table*'") == []


def test_a_table_is_created_of_a_query_once(aws: LocalAWS, stack: Deployment, database: str) -> None:
    sql = "CREATE TABLE made WITH (format = 'PARQUET') AS SELECT id AS Number, amount, note FROM things WHERE id < ?"
    done = query(aws, stack, sql, "2")
    assert done["Status"]["State"] == "SUCCEEDED", done["Status"]
    table = aws.client("glue").get_table(DatabaseName=database, Name="made")["Table"]
    assert [(column["Name"], column["Type"]) for column in table["StorageDescriptor"]["Columns"]] == [
        ("number", "bigint"),
        ("amount", "decimal(10,2)"),
        ("note", "string"),
    ]
    assert lines(aws, stack, "SELECT * FROM made")[3:] == ["1", "1.50", "a"]
    assert query(aws, stack, sql, "2")["Status"]["StateChangeReason"].startswith("TABLE_ALREADY_EXISTS")
    location = table["StorageDescriptor"]["Location"]
    same = f"CREATE TABLE another WITH (external_location = '{location}') AS SELECT 1 AS one"
    assert reason(aws, stack, same).startswith("HIVE_PATH_ALREADY_EXISTS")
    assert lines(aws, stack, "DROP TABLE made") == []
    assert lines(aws, stack, "DROP TABLE IF EXISTS made") == []
    assert lines(aws, stack, "SHOW TABLES 'made'") == []


@pytest.mark.parametrize(
    ("select", "why"),
    [
        ("SELECT count(*) FROM things", "MISSING_COLUMN_NAME: Column name not specified at position 1"),
        ("SELECT 1 AS a, 2 AS a", "DUPLICATE_COLUMN_NAME: Column name 'a' specified more than once"),
        ("SELECT NULL AS a", "COLUMN_TYPE_UNKNOWN: Column type is unknown at position 1"),
    ],
)
@pytest.mark.usefixtures("database")
def test_a_table_needs_named_columns_of_known_types(aws: LocalAWS, stack: Deployment, select: str, why: str) -> None:
    assert reason(aws, stack, f"CREATE TABLE refused AS {select}") == why


@pytest.mark.parametrize(
    ("sql", "place"),
    [
        ("SELECT 1 AS end", "1:13"),
        ("SELECT end FROM things", "1:8"),
        ("SELECT id,\n       t.first FROM things t", "2:10"),
        ("WITH order AS (SELECT 1 AS a) SELECT * FROM order", "1:6"),
        ("CREATE TABLE x AS SELECT 1 AS table", "1:31"),
        ("DESCRIBE date", "1:10"),
        ("SHOW COLUMNS IN user", "1:17"),
        ("SELECT 1 FROM", "1:10"),
        ("SELECT (1", "1:9"),
    ],
)
def test_a_reserved_word_is_no_name_without_quotes(aws: LocalAWS, stack: Deployment, sql: str, place: str) -> None:
    with pytest.raises(ClientError) as refused:
        query(aws, stack, sql)
    assert refused.value.response["Error"]["Code"] == "InvalidRequestException"
    assert refused.value.response["Error"]["Message"].startswith(f"line {place}: mismatched input")


@pytest.mark.usefixtures("database")
def test_a_word_that_only_ddl_reserves_needs_no_quotes_in_a_query(aws: LocalAWS, stack: Deployment) -> None:
    sql = 'SELECT date, "end", CASE WHEN id = 1 THEN 1 END AS user FROM things ORDER BY id NULLS LAST LIMIT 1'
    assert lines(aws, stack, sql)[3:] == ["2025-01-01", "2025-01-31", "1"]
    assert lines(aws, stack, "SELECT extract(year FROM date), trim(both 'x' FROM 'xax') FROM things")[2:4] == [
        "2025",
        "a",
    ]


@pytest.mark.usefixtures("database")
def test_columns_without_a_name_are_numbered_and_no_type_is_duckdbs(aws: LocalAWS, stack: Deployment) -> None:
    sql = """
        SELECT note, count(*), sum(id), max(amount) AS most, (SELECT 1), TIMESTAMP '2025-01-01 00:00:00',
               INTERVAL '1' DAY, NULL, MAP(ARRAY['a'], ARRAY[1])
        FROM things GROUP BY note
    """
    done = query(aws, stack, sql)
    assert done["Status"]["State"] == "SUCCEEDED", done["Status"]
    answer = aws.client("athena").get_query_results(QueryExecutionId=done["QueryExecutionId"])["ResultSet"]
    columns = {column["Name"]: column["Type"] for column in answer["ResultSetMetadata"]["ColumnInfo"]}
    assert columns == {
        "note": "varchar",
        "_col1": "bigint",
        "_col2": "bigint",
        "most": "decimal",
        "_col4": "integer",
        "_col5": "timestamp",
        "_col6": "interval day to second",
        "_col7": "unknown",
        "_col8": "map",
    }
    assert lines(aws, stack, "SELECT * FROM (SELECT count(*), 'x' FROM things)") == ["_col0", "_col1", "2", "x"]
    assert lines(aws, stack, "SELECT * FROM (VALUES (1, 'a'))") == ["_col0", "_col1", "1", "a"]


@pytest.mark.usefixtures("database")
def test_integers_are_divided_as_integers(aws: LocalAWS, stack: Deployment) -> None:
    sql = "SELECT sum(id + 4) / count(*) AS whole, 7.0 / 2 AS half, CAST(7 AS double) / 2 AS other FROM things"
    assert lines(aws, stack, sql)[3:] == ["5", "3.5", "3.5"]
    assert reason(aws, stack, "SELECT 1 / (id - 1) FROM things") == "DIVISION_BY_ZERO: Division by zero"


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("SELECT nope FROM things", "COLUMN_NOT_FOUND: Column 'nope' cannot be resolved"),
        ("SELECT t.nope FROM things AS t", "COLUMN_NOT_FOUND: Column 't.nope' cannot be resolved"),
        ("SELECT other.id FROM things", "COLUMN_NOT_FOUND: Column 'other' cannot be resolved"),
        ("SELECT nope(id) FROM things", "FUNCTION_NOT_FOUND: Function 'nope' not registered"),
        ("SELECT sum(note) FROM things", "FUNCTION_NOT_FOUND: Unexpected parameters (varchar) for function sum"),
        ("SELECT id + note FROM things", "TYPE_MISMATCH: Cannot apply operator + to bigint, varchar"),
        ("SELECT date > 1 FROM things", "TYPE_MISMATCH: Cannot compare date with integer"),
        ("SELECT CAST(note AS integer) FROM things WHERE id = 1", "INVALID_CAST_ARGUMENT: Cannot cast 'a' to integer"),
        (
            "SELECT note, count(*) FROM things",
            "EXPRESSION_NOT_AGGREGATE: 'note' must be an aggregate expression or appear in GROUP BY clause",
        ),
        ("SELECT id FROM things a, things b", "AMBIGUOUS_NAME: Column 'id' is ambiguous"),
        ("SELECT id FROM things WHERE count(*) > 1", "EXPRESSION_NOT_SCALAR: WHERE clause cannot contain aggregations"),
        ("SELECT id % 0 FROM things", "DIVISION_BY_ZERO: Division by zero"),
        ("SELECT (SELECT id FROM things)", "SUBQUERY_MULTIPLE_ROWS: Scalar sub-query has returned multiple rows"),
    ],
)
@pytest.mark.usefixtures("database")
def test_an_error_has_athenas_name_and_words(aws: LocalAWS, stack: Deployment, sql: str, why: str) -> None:
    assert reason(aws, stack, sql) == why


def test_sluice_query_shows_the_catalog_too(
    aws: LocalAWS, stack: Deployment, session: boto3.Session, database: str
) -> None:
    outputs = {"DatabaseName": database, "WorkGroupName": stack.resources["WorkGroup"]}
    where = Stack("contract", session, outputs, local=True)
    assert select(where, "SHOW PARTITIONS things").to_dict("list") == {"partition": ["month=2025-01", "month=2025-02"]}
    found = select(where, "DESCRIBE things")
    assert found.columns.tolist() == ["col_name", "data_type", "comment"]
    assert found.head(2).to_numpy().tolist() == [["id", "bigint", ""], ["amount", "decimal(10,2)", ""]]
    assert select(where, "SELECT count(*) FROM things").columns.tolist() == ["_col0"]
    with pytest.raises(QueryFailed, match=r"mismatched input 'end'\. Expecting: <identifier>"):
        select(where, "SELECT 1 AS end")
    with pytest.raises(QueryFailed, match="Error 10001"):
        select(where, "SHOW COLUMNS IN nowhere")
