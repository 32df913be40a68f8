"""The few columns that Spark shuffles: keys, the `latest` column and counted numbers. The rows themselves stay in
staged Parquet files.
"""

from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from sluice.contract.glue_types import glue_type
from sluice.contract.model import Contract
from sluice.engines.impute import counted
from sluice.engines.scale import ordinals

ORIGIN: dict[str, pl.DataType] = {"chunk": pl.Int64(), "file": pl.Int64(), "_row_number": pl.Int64()}
ACCOUNT = "account"
"""The column that holds a chunk's account (JSON) in the one row that stands for it, and null elsewhere."""


@dataclass(frozen=True)
class ShuffleColumn:
    """Name and type of the column, and its expression over parsed rows."""

    name: str
    expression: pl.Expr
    dtype: pl.DataType


def shuffle_columns(contract: Contract) -> list[ShuffleColumn]:
    """Return key_…, latest, ordinal_… and value_… columns, as far as the contract asks for them."""
    found = [ShuffleColumn(name, pl.col(name), dtype) for name, dtype in ORIGIN.items()]
    if contract.unique:
        found += [_column(contract, f"key_{name}", name) for name in contract.unique.key]
        found += [_column(contract, "latest", contract.unique.latest)] if contract.unique.latest else []
    for name in counted(contract):
        found.append(ShuffleColumn(f"ordinal_{name}", ordinals(name, contract.types[name]), pl.Int64()))
    found += [_column(contract, f"value_{name}", name) for name, how in contract.impute.items() if how == "mode"]
    return found


def _column(contract: Contract, column: str, name: str) -> ShuffleColumn:
    dtype = contract.types[name]
    if isinstance(dtype, pl.Datetime):
        return ShuffleColumn(column, pl.col(name).dt.replace_time_zone(None).cast(pl.Datetime("us")), pl.Datetime("us"))
    return ShuffleColumn(column, pl.col(name), dtype)


def spark_schema(contract: Contract) -> str:
    """Return the shuffle columns, and ACCOUNT, as a Spark schema."""
    columns = [(column.name, glue_type(column.dtype)) for column in shuffle_columns(contract)]
    # A timestamp without a zone has a type of its own in Spark; with zones, sessions could differ.
    declared = [f"`{name}` {'timestamp_ntz' if kind == 'timestamp' else kind}" for name, kind in columns]
    return ", ".join([*declared, f"`{ACCOUNT}` string"])


def arrow_schema(contract: Contract) -> pa.Schema:
    """Return the same columns as the Arrow schema that a task must return."""
    empty = pl.DataFrame(
        schema={column.name: column.dtype for column in shuffle_columns(contract)} | {ACCOUNT: pl.String()}
    )
    fields = [
        field.with_type(pa.string()) if pa.types.is_large_string(field.type) else field
        for field in empty.to_arrow(compat_level=pl.CompatLevel.oldest()).schema
    ]
    return pa.schema(fields)
