"""The result of a query as Athena returns it: texts of values, names of types, column information, the CSV file.

No patch of its own: `engine` and `queries` use it.
"""

import math
import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

PRECISIONS = {
    "integer": 10,
    "bigint": 19,
    "smallint": 5,
    "tinyint": 3,
    "double": 17,
    "float": 17,
    "varchar": 2147483647,
    "timestamp": 3,
}
NAMES = {
    "HUGEINT": "bigint",
    "UHUGEINT": "bigint",
    "UBIGINT": "bigint",
    "UINTEGER": "bigint",
    "USMALLINT": "integer",
    "UTINYINT": "smallint",
    "INT8": "tinyint",
    "INT16": "smallint",
    "INT32": "integer",
    "INT64": "bigint",
    "INT128": "bigint",
    "INTEGER_LITERAL": "integer",
    "STRING_LITERAL": "varchar",
    "BOOL": "boolean",
    "ENUM": "varchar",
    "BLOB": "varbinary",
    "BIT": "varbinary",
    "STRUCT": "row",
    "INTERVAL": "interval day to second",
    "TIMESTAMP_S": "timestamp",
    "TIMESTAMP_MS": "timestamp",
    "TIMESTAMP_NS": "timestamp",
    '"NULL"': "unknown",
}
"""By DuckDB's name of a type, Athena's, where they differ by more than the case."""
_TYPES = re.compile(
    r"\b("
    + "|".join([*NAMES, "VARCHAR", "INTEGER", "BIGINT", "SMALLINT", "TINYINT", "DOUBLE", "FLOAT", "DATE"])
    + r"|TIMESTAMP|DECIMAL|BOOLEAN|MAP)\b"
)


class QueryFailed(Exception):
    """The statement cannot be run; the message is the query's StateChangeReason."""


class QueryCancelled(Exception):
    """The statement was cancelled by the workgroup's limit."""


@dataclass(frozen=True)
class Result:
    """Names of the columns, their ColumnInfo, and the rows as texts (None for a null)."""

    names: list[str]
    columns: list[dict[str, Any]]
    rows: list[list[str | None]]


def column_information(name: str, kind: str) -> dict[str, Any]:
    """A member of ColumnInfo for a column of DuckDB type `kind`."""
    scale = 0
    if found := re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", kind):
        shown_kind, precision, scale = "decimal", int(found[1]), int(found[2])
    else:
        base = "array" if kind.endswith("]") else kind.split("(")[0]
        shown_kind = NAMES.get(base, base.lower())
        precision = PRECISIONS.get(shown_kind, 0)
    return {
        "CatalogName": "hive",
        "SchemaName": "",
        "TableName": "",
        "Name": name,
        "Label": name,
        "Type": shown_kind,
        "Precision": precision,
        "Scale": scale,
        "Nullable": "UNKNOWN",
        "CaseSensitive": shown_kind == "varchar",
    }


def athena_types(text: str) -> str:
    """A text with Athena's names of types instead of DuckDB's."""
    return _TYPES.sub(lambda found: NAMES.get(found[0], found[0].lower()), text)


def text_of(value: Any) -> str | None:
    """A value as Athena writes it; None for a null."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case datetime():
            zone = "" if value.tzinfo is None else " UTC"
            return value.strftime("%Y-%m-%d %H:%M:%S.") + f"{value.microsecond // 1000:03d}{zone}"
        case date():
            return value.isoformat()
        case Decimal():
            return format(value, "f")
        case float():
            return text_of_float(value)
        case bytes():
            return value.hex(" ")
        case list():
            return "[" + ", ".join(inner(item) for item in value) + "]"
        case dict():
            return "{" + ", ".join(f"{inner(key)}={inner(item)}" for key, item in value.items()) + "}"
    return str(value)


def inner(value: Any) -> str:
    text = text_of(value)
    return "null" if text is None else text


def text_of_float(value: float) -> str:
    """A double as Java prints it: 1.0E10 rather than 10000000000.0."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    mantissa, exponent = f"{value:.17e}".split("e")
    for digits in range(17):
        mantissa, exponent = f"{value:.{digits}e}".split("e")
        if float(f"{mantissa}e{exponent}") == value:
            break
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}E{int(exponent)}"


def shown(row: list[str | None]) -> dict[str, Any]:
    """A row of GetQueryResults; a null has no VarCharValue."""
    return {"Data": [{} if text is None else {"VarCharValue": text} for text in row]}


def text_file_of(result: Result) -> bytes:
    """The result file of a statement that is no query: the rows without a header or quotes."""
    return "".join("\t".join(text or "" for text in row) + "\n" for row in result.rows).encode()


def csv_of(result: Result) -> bytes:
    """The result file: every value quoted, a null empty."""
    lines: list[list[str | None]] = [[*result.names], *result.rows]
    return "".join(",".join(quoted(text) for text in line) + "\n" for line in lines).encode()


def quoted(text: str | None) -> str:
    return "" if text is None else '"' + text.replace('"', '""') + '"'
