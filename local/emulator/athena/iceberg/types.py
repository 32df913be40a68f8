"""The types of Iceberg as DuckDB's, and which Parquet columns Trino reads as them.

No patch of its own: `iceberg/table`, `iceberg/version` and `iceberg/metadata_tables` use it. A column is read as the
types that it may be promoted from (https://iceberg.apache.org/spec/#schema-evolution).
"""

import pyarrow as pa
from pyiceberg.types import (
    BinaryType,
    DecimalType,
    FixedType,
    IcebergType,
    ListType,
    MapType,
    StringType,
    StructType,
    TimestamptzType,
    UUIDType,
)

from local.emulator.athena.files import quoted

DUCKDB = {
    "int": "INTEGER",
    "long": "BIGINT",
    "timestamptz": "TIMESTAMP WITH TIME ZONE",
    "string": "VARCHAR",
    "binary": "BLOB",
}
SAME_NAME = {"boolean", "float", "double", "date", "time", "timestamp", "uuid"}
CONTAINERS = (ListType, MapType, StructType)


def duckdb_type(kind: IcebergType) -> str:
    """DuckDB's name of an Iceberg type. Raises KeyError for one that Athena does not read."""
    match kind:
        case ListType():
            return f"{duckdb_type(kind.element_type)}[]"
        case MapType():
            return f"MAP({duckdb_type(kind.key_type)}, {duckdb_type(kind.value_type)})"
        case StructType():
            members = (f"{quoted(field.name)} {duckdb_type(field.field_type)}" for field in kind.fields)
            return f"STRUCT({', '.join(members)})"
        case DecimalType():
            return f"DECIMAL({kind.precision},{kind.scale})"
        case FixedType():
            return "BLOB"
    name = str(kind)
    return name.upper() if name in SAME_NAME else DUCKDB[name]


def readable(found: pa.DataType, kind: IcebergType) -> bool:
    """Whether Trino reads a Parquet column of a type as a column of an Iceberg type."""
    if pa.types.is_dictionary(found):
        found = found.value_type
    match kind:
        case ListType():
            is_list = pa.types.is_list(found) or pa.types.is_large_list(found)
            return is_list and readable(found.value_type, kind.element_type)
        case MapType():
            return bool(pa.types.is_map(found))
        case StructType():
            return bool(pa.types.is_struct(found))
        case DecimalType():
            return pa.types.is_decimal(found) and found.scale == kind.scale and found.precision <= kind.precision
        case StringType():
            return bool(pa.types.is_string(found) or pa.types.is_large_string(found) or pa.types.is_string_view(found))
        case BinaryType() | FixedType() | UUIDType():
            return bool(pa.types.is_binary(found) or pa.types.is_large_binary(found) or is_fixed(found))
        case TimestamptzType():
            return bool(pa.types.is_timestamp(found))
    return any(holds(found) for holds in READ_AS[str(kind)])


def is_fixed(found: pa.DataType) -> bool:
    return bool(pa.types.is_fixed_size_binary(found))


def is_int(found: pa.DataType) -> bool:
    return bool(pa.types.is_int8(found) or pa.types.is_int16(found) or pa.types.is_int32(found))


READ_AS = {
    "boolean": (pa.types.is_boolean,),
    "int": (is_int,),
    "long": (is_int, pa.types.is_int64),
    "float": (pa.types.is_float32,),
    "double": (pa.types.is_float32, pa.types.is_float64),
    "date": (pa.types.is_date32,),
    "time": (pa.types.is_time64,),
    "timestamp": (pa.types.is_timestamp,),
}
