"""The mistakes that a contract is refused for when it is made."""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from sluice.contract.key_pattern import NAME, KeyPattern
from sluice.contract.reading_problems import reading_problems
from sluice.contract.steps import Fill

if TYPE_CHECKING:
    from sluice.contract.model import Contract


def mistakes(contract: "Contract") -> Iterator[str]:
    """Yield what is wrong with a contract, the most basic first."""
    if not NAME.fullmatch(contract.name):
        yield f"a dataset's name must match {NAME.pattern}"
    if contract.name.endswith(("_quarantine", "_latest")):
        yield "a name ending in _quarantine or _latest is reserved for the tables and views of a dataset"
    columns = contract.types
    for column in (*columns, *contract.reading.input_only):
        if not NAME.fullmatch(column):
            yield f"the column {column!r} must match {NAME.pattern}"
    if not 0 <= contract.quarantine_limit <= 1:
        yield "quarantine_limit is a share from 0 to 1"
    if contract.expected_every is not None and contract.expected_every <= timedelta(0):
        yield "expected_every is a time above zero"
    if not contract.files:
        yield "no file pattern: no upload could ever reach it"
    for pattern in contract.files:
        KeyPattern(pattern)
    if len({pattern.endswith(".jsonl") for pattern in contract.files}) > 1:
        yield "its file patterns must all end in .jsonl, or none: the name decides the format"
    yield from _unknown_columns(contract)
    yield from reading_problems(contract)
    yield from _set_mistakes(contract)
    yield from _unique_mistakes(contract)
    yield from _optional_mistakes(contract)
    yield from _discard_mistakes(contract)
    for rule in contract.outliers:
        if (rule.iqr is None) == (rule.z_score is None):
            yield f"outliers of {rule.column}: say either iqr or z_score"
        if rule.column in columns and not columns[rule.column].is_numeric():
            yield f"outliers of {rule.column}: it is not a number"
        if rule.flag and columns.get(rule.flag) != pl.Boolean():
            yield f"outliers of {rule.column}: {rule.flag!r} is not a Boolean column of the model"
    for column, how in contract.impute.items():
        if how in ("median", "mean") and column in columns and not columns[column].is_numeric():
            yield f"impute {column}: only numbers have a {how}"
    for column, treatment in contract.personal.items():
        if treatment == "hash" and columns.get(column) != pl.String():
            yield f"personal {column}: only text columns can be published hashed"


def _unknown_columns(contract: "Contract") -> Iterator[str]:
    reading = contract.reading
    known = {*contract.types, *reading.input_only}
    uses = {
        "dates": reading.dates,
        "null_markers": [] if isinstance(reading.null_markers, tuple) else reading.null_markers,
        "time_zones": reading.time_zones,
        "century_pivots": reading.century_pivots,
        "aliases": reading.aliases.values(),
        "optional": reading.optional,
        "cleaning": [column for step in contract.cleaning for column in step.columns],
        "unique": (*contract.unique.key, contract.unique.latest or contract.unique.key[0]) if contract.unique else (),
        "impute": contract.impute,
        "outliers": [rule.column for rule in contract.outliers],
        "partition_by": [name for part in contract.partition_by for name in (part.name, part.of or part.name)],
        "same_as_key": contract.same_as_key,
        "personal": contract.personal,
    }
    for place, names in uses.items():
        for name in names:
            if name not in known:
                yield f"{place} names {name!r}, which is no column of it"
    for name in contract.same_as_key:
        if not all(f"{{{name}" in pattern for pattern in contract.files):
            yield f"same_as_key names {name!r}, which not every file pattern captures"


def _optional_mistakes(contract: "Contract") -> Iterator[str]:
    schema = contract.row.to_schema()
    filled = {step.column for step in contract.cleaning if isinstance(step, Fill)}
    for name in contract.reading.optional:
        if name in contract.derived:
            yield f"optional names {name!r}, which no file has"
        elif name in schema.columns and not schema.columns[name].nullable and name not in filled:
            yield f"optional: {name} must be nullable, or filled by a cleaning step"


def _discard_mistakes(contract: "Contract") -> Iterator[str]:
    text: dict[str, pl.DataType] = dict.fromkeys(contract.file_columns, pl.String())
    no_rows = pl.DataFrame(schema={**text, **contract.extra, "_row_number": pl.Int64()})
    no_raw = pl.DataFrame(schema={"_raw": pl.String()})
    for rule in contract.discard:
        try:
            types = (no_raw if "_raw" in rule.when.meta.root_names() else no_rows).select(rule.when).dtypes
        except Exception as error:
            yield f"discard {rule.name!r} cannot run on text: {str(error).partition('\n')[0]}"
        else:
            if types != [pl.Boolean()]:
                yield f"discard {rule.name!r} must say true or false of a row, not {', '.join(map(str, types))}"


def _set_mistakes(contract: "Contract") -> Iterator[str]:
    """Yield the sets of one text: pandera takes `isin=("EUR",)` for `isin="EUR"`, that is for its letters."""
    for name, column in contract.row.to_schema().columns.items():
        for check in column.checks:
            if check.name in ("isin", "notin"):
                (values,) = check.statistics.values()
                if isinstance(values, str):
                    yield f"{name}: {check.name} takes a list, such as {check.name}=[{values!r}]"


def _unique_mistakes(contract: "Contract") -> Iterator[str]:
    schema = contract.row.to_schema()
    for name, column in schema.columns.items():
        if column.unique:
            yield f"{name}: uniqueness is declared in the contract (unique=Unique(...)), not in the model"
    if contract.unique:
        for name in contract.unique.key:
            if schema.columns[name].nullable:
                yield f"unique: the key column {name} must not be nullable"
        for name in (*contract.unique.key, contract.unique.latest):
            if contract.unique.across_files and name and contract.personal.get(name) == "drop":
                yield f"unique: across_files needs {name}, which is not in the table"
    for part in contract.partition_by:
        if (source := schema.columns[part.of or part.name]).nullable:
            yield f"partition_by: {source.name} must not be nullable, or its rows would have no partition"
