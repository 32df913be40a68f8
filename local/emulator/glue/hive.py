"""Hive's type names and partition folders, shared by the catalog, the crawler and the queries.

No patch of its own.
"""

import re
from typing import Any
from urllib.parse import unquote

import pyarrow as pa

HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
ARROW_TO_HIVE = (
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_int8, "tinyint"),
    (pa.types.is_int16, "smallint"),
    (pa.types.is_int32, "int"),
    (pa.types.is_integer, "bigint"),
    (pa.types.is_float32, "float"),
    (pa.types.is_floating, "double"),
    (pa.types.is_date, "date"),
    (pa.types.is_timestamp, "timestamp"),
    (pa.types.is_string, "string"),
    (pa.types.is_large_string, "string"),
    (pa.types.is_string_view, "string"),
    (pa.types.is_binary, "binary"),
    (pa.types.is_large_binary, "binary"),
)
HIVE_TO_DUCKDB = {"string": "VARCHAR", "binary": "BLOB", "float": "FLOAT", "int": "INTEGER", "integer": "INTEGER"}
PLAIN = {"boolean", "tinyint", "smallint", "bigint", "double", "date", "timestamp"}


class UnknownType(Exception):
    """A type that has no name in Hive, or no counterpart in DuckDB."""


def hive_type(kind: pa.DataType) -> str:
    """The catalog's name of an Arrow type, such as array<string>. Raises UnknownType."""
    if pa.types.is_dictionary(kind):
        return hive_type(kind.value_type)
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"array<{hive_type(kind.value_type)}>"
    if pa.types.is_struct(kind):
        return "struct<" + ",".join(f"{field.name}:{hive_type(field.type)}" for field in kind) + ">"
    if pa.types.is_map(kind):
        return f"map<{hive_type(kind.key_type)},{hive_type(kind.item_type)}>"
    for holds, name in ARROW_TO_HIVE:
        if holds(kind):
            return name
    raise UnknownType(str(kind))


def duckdb_type(kind: str) -> str:
    """DuckDB's name of a catalog type. Raises UnknownType."""
    kind = kind.strip().lower()
    if found := re.fullmatch(r"array<(.*)>", kind):
        return f"{duckdb_type(found[1])}[]"
    if found := re.fullmatch(r"map<(.*)>", kind):
        key, value = split_members(found[1])
        return f"MAP({duckdb_type(key)}, {duckdb_type(value)})"
    if found := re.fullmatch(r"struct<(.*)>", kind):
        members = (member.split(":", 1) for member in split_members(found[1]))
        return "STRUCT(" + ", ".join(f'"{name}" {duckdb_type(inner)}' for name, inner in members) + ")"
    if kind.startswith("decimal"):
        return kind.upper() if "(" in kind else "DECIMAL(10,0)"
    if kind.startswith(("varchar", "char")):
        return "VARCHAR"
    if kind in PLAIN:
        return kind.upper()
    if kind in HIVE_TO_DUCKDB:
        return HIVE_TO_DUCKDB[kind]
    raise UnknownType(kind)


def split_members(text: str) -> list[str]:
    """The parts between the commas that are not inside <...> or (...)."""
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        depth += character in "<("
        depth -= character in ">)"
        if character == "," and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    return [*parts, text[start:]]


def hidden(key: str) -> bool:
    """Whether a path below a table is one that Hive's readers pass over."""
    return any(part.startswith(("_", ".")) for part in key.split("/"))


def folders_of(key: str) -> list[tuple[str, str]]:
    """The name=value folders of a path below a table, values unescaped."""
    pairs = (folder.split("=", 1) for folder in key.split("/")[:-1] if "=" in folder)
    return [(name, unquote(value)) for name, value in pairs]


def is_iceberg(table: dict[str, Any]) -> bool:
    """Whether a table of the catalog is Iceberg's, whose files only its metadata names."""
    return str(table.get("Parameters", {}).get("table_type")).upper() == "ICEBERG"


def location_of(uri: str) -> tuple[str, str]:
    """Bucket and key prefix (ending in a slash, unless empty) of a table's or partition's location."""
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    return bucket, prefix if not prefix or prefix.endswith("/") else f"{prefix}/"
