"""The reasons of cells whose text is no value of their column's type."""

import polars as pl

from sluice.contract.declarations import Reading
from sluice.contract.values import NUMBER, WHOLE, outside_time_zone
from sluice.runtime.polars_columns import select_column


def unparsed_reasons(
    column: str, dtype: pl.DataType, indices: pl.Series, text: pl.Series, reading: Reading | None = None
) -> dict[str, pl.Series]:
    """Return, by the name of the fact that fails, the row indices (UInt32) of cells whose text is no value of the type.

    indices, text: of these cells. reading: the contract's, for the time zone of a column.
    """
    if indices.is_empty():
        return {}
    if reading and column in reading.time_zones:
        skipped, twice = outside_time_zone(reading, column, text)
        found = {
            f"{column}_is_a_timestamp": indices.filter(~(skipped | twice)),
            f"{column}_exists_in_its_time_zone": indices.filter(skipped),
            f"{column}_is_unambiguous_in_its_time_zone": indices.filter(twice),
        }
        return {reason: cells for reason, cells in found.items() if len(cells)}
    if isinstance(dtype, pl.Decimal):
        kind, grammar, size = "a_number", NUMBER, f"decimal_{dtype.precision}_{dtype.scale}"
    elif dtype.is_integer():
        kind, grammar, size = "a_whole_number", WHOLE, str(dtype).lower()
    elif dtype.is_float():
        kind, grammar, size = "a_number", NUMBER, str(dtype).lower()
    else:
        kinds = {pl.Date: "a_date", pl.Datetime: "a_timestamp", pl.Boolean: "true_or_false"}
        return {f"{column}_is_{kinds[dtype.base_type()]}": indices}
    large = select_column(text, pl.first().str.contains(grammar))
    found = {f"{column}_is_{kind}": indices.filter(~large), f"{column}_fits_{size}": indices.filter(large)}
    return {reason: cells for reason, cells in found.items() if len(cells)}
