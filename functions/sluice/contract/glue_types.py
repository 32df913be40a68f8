"""Polars types as the Glue catalog names them. Manifests carry these names, so that light functions need no Polars."""

import polars as pl

_SIMPLE = {
    pl.String: "string",
    pl.Boolean: "boolean",
    pl.Int8: "tinyint",
    pl.Int16: "smallint",
    pl.Int32: "int",
    pl.Int64: "bigint",
    pl.Float32: "float",
    pl.Float64: "double",
    pl.Date: "date",
    pl.Datetime: "timestamp",
}


def glue_type(dtype: pl.DataType) -> str:
    """Return the Glue (Hive) name of a type. Raises TypeError for one that Athena cannot read."""
    if isinstance(dtype, pl.Decimal):
        return f"decimal({dtype.precision},{dtype.scale})"
    if isinstance(dtype, pl.List):
        return f"array<{glue_type(dtype.inner)}>"  # type: ignore[arg-type]
    try:
        return _SIMPLE[dtype.base_type()]
    except KeyError:
        raise TypeError(f"Athena has no type for {dtype}") from None


def glue_schema(types: dict[str, pl.DataType]) -> list[dict[str, str]]:
    """Return columns as [{name, type}]."""
    return [{"name": name, "type": glue_type(dtype)} for name, dtype in types.items()]
