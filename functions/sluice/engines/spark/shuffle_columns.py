"""What must be known of every row to decide about the whole file: its key, its age, its numbers.

Spark moves only these few columns between machines; the rows themselves wait in Parquet.
"""

from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from sluice.contract.glue_types import glue_type
from sluice.contract.model import Contract
from sluice.engines.impute import counted, in_units

PLACE: dict[str, pl.DataType] = {"chunk": pl.Int64(), "piece": pl.Int64(), "_row_number": pl.Int64()}
ACCOUNT = "account"
"""The column that holds a chunk's account (JSON) in the one row that stands for it, and null elsewhere."""


@dataclass(frozen=True)
class ShuffleColumn:
    """One column: its name between the machines, the expression over a parsed row, its type."""

    name: str
    expression: pl.Expr
    dtype: pl.DataType


def shuffle_columns(contract: Contract) -> list[ShuffleColumn]:
    """Return key_…, latest, units_… and value_… columns, as far as the contract asks for them."""
    found = [ShuffleColumn(name, pl.col(name), dtype) for name, dtype in PLACE.items()]
    if contract.unique:
        found += [_mark(contract, f"key_{name}", name) for name in contract.unique.key]
        found += [_mark(contract, "latest", contract.unique.latest)] if contract.unique.latest else []
    for name in counted(contract):
        found.append(ShuffleColumn(f"units_{name}", in_units(name, contract.types[name]), pl.Int64()))
    found += [_mark(contract, f"value_{name}", name) for name, how in contract.impute.items() if how == "mode"]
    return found


def _mark(contract: Contract, mark: str, name: str) -> ShuffleColumn:
    dtype = contract.types[name]
    if isinstance(dtype, pl.Datetime):
        return ShuffleColumn(mark, pl.col(name).dt.replace_time_zone(None).cast(pl.Datetime("us")), pl.Datetime("us"))
    return ShuffleColumn(mark, pl.col(name), dtype)


def spark_schema(contract: Contract) -> str:
    """Return the marks' columns as Spark declares them."""
    columns = [(mark.name, glue_type(mark.dtype)) for mark in shuffle_columns(contract)]
    # A timestamp without a zone has a type of its own in Spark; with zones, sessions could differ.
    told = [f"`{name}` {'timestamp_ntz' if kind == 'timestamp' else kind}" for name, kind in columns]
    return ", ".join([*told, f"`{ACCOUNT}` string"])


def arrow_schema(contract: Contract) -> pa.Schema:
    """Return the same columns as a task must give them to Spark."""
    empty = pl.DataFrame(schema={mark.name: mark.dtype for mark in shuffle_columns(contract)} | {ACCOUNT: pl.String()})
    fields = [
        field.with_type(pa.string()) if pa.types.is_large_string(field.type) else field
        for field in empty.to_arrow(compat_level=pl.CompatLevel.oldest()).schema
    ]
    return pa.schema(fields)
