"""Which types of a column readers take from files that were written with another one, by the kind of the table."""

_INTEGERS = ("tinyint", "smallint", "int", "bigint")


def reads_as(file: str, table: str, *, kind: str, partitioned: bool) -> bool:
    """True when readers of a table take a file's column as the table's type, both in Glue types.

    kind: parquet or iceberg. Athena casts integers of a Parquet table, but only of one that is partitioned; predicates
    on a FLOAT column that is read as DOUBLE fail, and decimals are not in its list.
    https://docs.aws.amazon.com/athena/latest/ug/updates-changing-column-type.html
    https://github.com/trinodb/trino/pull/30545
    https://iceberg.apache.org/spec/#schema-evolution
    """
    if file == table:
        return True
    if kind == "iceberg" and file.startswith("array<") and table.startswith("array<"):
        return reads_as(file[6:-1], table[6:-1], kind=kind, partitioned=partitioned)
    if file in _INTEGERS and table in _INTEGERS:
        narrow = _INTEGERS.index(file) <= _INTEGERS.index(table)
        # Iceberg has one type for all that are shorter than 8 bytes.
        return (narrow and partitioned) if kind == "parquet" else (narrow or table != "bigint" != file)
    if kind == "iceberg" and file.startswith("decimal(") and table.startswith("decimal("):
        (precision, scale), (wider, same) = _decimal(file), _decimal(table)
        return precision <= wider and scale == same
    return kind == "iceberg" and (file, table) == ("float", "double")


def _decimal(glue_type: str) -> tuple[int, int]:
    precision, _, scale = glue_type[8:-1].partition(",")
    return int(precision), int(scale)
