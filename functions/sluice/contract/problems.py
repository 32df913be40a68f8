"""The mistakes that a contract is refused for when it is made."""

import math
from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, get_args

import polars as pl

from sluice.contract.column_types import has_statistics
from sluice.contract.declarations import Constant, Reading, Statistic, Treatment, Unknown
from sluice.contract.facts import column_facts, passed
from sluice.contract.key_pattern import NAME, captured, name_problems, pattern_problems
from sluice.contract.model_problems import model_problems, type_problems
from sluice.contract.partitions import partition_problems
from sluice.contract.reading_problems import reading_problems
from sluice.contract.steps import Fill
from sluice.contract.values import constant

if TYPE_CHECKING:
    from sluice.contract.model import Contract

_COUNTED = "a type whose statistics are exact: Int8 to Int64, Float64, or Decimal of at most 18 digits"


def mistakes(contract: "Contract") -> Iterator[str]:
    """Yield what is wrong with a contract, the most basic first."""
    yield from name_problems(contract.name)
    if contract.version < 1:
        yield "version is a whole number from 1"
    yield from _listed_texts(contract)
    yield from type_problems(contract)
    for column in (*contract.types, *contract.reading.input_only):
        if not NAME.fullmatch(column):
            yield f"the column {column!r} must match {NAME.pattern}"
    if not 0 <= contract.quarantine_limit <= 1:
        yield "quarantine_limit is a share from 0 to 1"
    if contract.expected_every is not None and contract.expected_every <= timedelta(0):
        yield "expected_every is a time above zero"
    if not contract.files:
        yield "no file pattern: no upload could ever reach it"
    for pattern in contract.files:
        yield from pattern_problems(pattern)
    if len({pattern.endswith(".jsonl") for pattern in contract.files}) > 1:
        yield "its file patterns must all end in .jsonl, or none: the name decides the format"
    yield from _unknown_columns(contract)
    yield from reading_problems(contract)
    yield from model_problems(contract)
    yield from _unique_mistakes(contract)
    yield from partition_problems(contract)
    yield from _optional_mistakes(contract)
    yield from _discard_mistakes(contract)
    yield from _step_mistakes(contract)
    yield from _outlier_mistakes(contract)
    yield from _impute_mistakes(contract)
    yield from _personal_mistakes(contract)


def _personal_mistakes(contract: "Contract") -> Iterator[str]:
    for column in contract.same_as_key:
        if column in contract.personal:
            yield f"same_as_key: {column} is personal, and the names of files stand in every report"
    for column, treatment in contract.personal.items():
        if treatment not in get_args(Treatment):
            yield f"personal {column}: {treatment!r} is none of {', '.join(get_args(Treatment))}"
        if treatment == "hash" and contract.types.get(column) != pl.String():
            yield f"personal {column}: only text columns can be published hashed"


def _listed_texts(contract: "Contract") -> Iterator[str]:
    """Yield texts that stand where several are listed: Python would take each of their letters."""
    reading = contract.reading
    lists = {
        "files": contract.files,
        "same_as_key": contract.same_as_key,
        "null_markers": reading.null_markers if isinstance(reading.null_markers, str) else (),
        **{f"null_markers of {name}": reading.null_markers_of(name) for name in _by_column(reading)},
        "input_only": reading.input_only,
        "optional": reading.optional,
        "unique: key": contract.unique.key if contract.unique else (),
    }
    for name, texts in lists.items():
        if isinstance(texts, str):
            yield f"{name} takes a tuple, such as ({texts!r},)"
        elif len(set(texts)) < len(texts):
            yield f"{name} lists one text twice"
    if reading.unknown_columns not in get_args(Unknown):
        yield f"unknown_columns: {reading.unknown_columns!r} is none of {', '.join(get_args(Unknown))}"


def _by_column(reading: Reading) -> Collection[str]:
    return reading.null_markers if isinstance(reading.null_markers, Mapping) else ()


def _unknown_columns(contract: "Contract") -> Iterator[str]:
    reading, unique = contract.reading, contract.unique
    of_file, of_row = contract.file_columns, contract.parsed
    uses: dict[str, tuple[Collection[str], Collection[str]]] = {
        "dates": (reading.dates, of_row),
        "null_markers": (_by_column(reading), of_file),
        "time_zones": (reading.time_zones, of_row),
        "century_pivots": (reading.century_pivots, of_row),
        "aliases": (reading.aliases.values(), of_file),
        "optional": (reading.optional, of_file),
        "cleaning": ([column for step in contract.cleaning for column in step.columns], of_file),
        "unique": ((*unique.key, unique.latest or unique.key[0]) if unique else (), of_row),
        "impute": (contract.impute, of_row),
        "outliers": ([rule.column for rule in contract.outliers], of_row),
        "partition_by": (
            [name for part in contract.partition_by for name in (part.name, part.of or part.name)],
            contract.types,
        ),
        "same_as_key": (contract.same_as_key, of_file),
        "personal": (contract.personal, (*contract.types, *reading.input_only)),
    }
    for place, (names, allowed) in uses.items():
        for name in names:
            if name not in allowed:
                yield f"{place} names {name!r}, which {_no_column(contract, name)}"
    for name in contract.same_as_key:
        if not all(name in captured(pattern) for pattern in contract.files):
            yield f"same_as_key names {name!r}, which not every file pattern captures"


def _no_column(contract: "Contract", name: str) -> str:
    if name in contract.derived:
        return "no file has: it is computed"
    return "is not in the table" if name in contract.reading.input_only else "is no column of it"


def _optional_mistakes(contract: "Contract") -> Iterator[str]:
    schema = contract.row.to_schema()
    filled = {step.column for step in contract.cleaning if isinstance(step, Fill)}
    for name in contract.reading.optional:
        if name in schema.columns and not schema.columns[name].nullable and name not in filled:
            yield f"optional: {name} must be nullable, or filled by a cleaning step"


def _text_rows(contract: "Contract") -> pl.DataFrame:
    """Return a few rows of text such as any file may have."""
    texts = ("a", "", "7", "-1.5", "2025-03-05", None)
    columns = {name: pl.Series(texts, dtype=pl.String) for name in (*contract.file_columns, *contract.extra)}
    return pl.DataFrame({**columns, "_row_number": range(1, len(texts) + 1)})


def _discard_mistakes(contract: "Contract") -> Iterator[str]:
    records = pl.DataFrame({"_raw": ["a", "", "7"]})
    for rule in contract.discard:
        rows = records if "_raw" in rule.when.meta.root_names() else _text_rows(contract)
        if not NAME.fullmatch(rule.name) or rule.name == "duplicate":
            yield f"discard {rule.name!r}: its name must match {NAME.pattern}, and is not 'duplicate'"
        try:
            fits = rows.select(rule.when)
        except Exception as error:  # whatever an expression raises
            yield f"discard {rule.name!r} cannot run on text: {str(error).partition('\n')[0]}"
            continue
        if fits.dtypes != [pl.Boolean()]:
            yield f"discard {rule.name!r} must say true or false of a row, not {', '.join(map(str, fits.dtypes))}"
        elif fits.height != rows.height:
            yield f"discard {rule.name!r} says one thing of all rows: it must look at a column"


def _step_mistakes(contract: "Contract") -> Iterator[str]:
    rows = _text_rows(contract)
    for step in contract.cleaning:
        kind = type(step).__name__
        for name in step.columns:
            try:
                texts = rows.select(step.apply(pl.col(name)))
            except Exception as error:  # whatever a step raises
                yield f"cleaning: {kind} of {name} cannot run: {str(error).partition('\n')[0]}"
                continue
            if texts.dtypes != [pl.String()] or texts.height != rows.height:
                yield f"cleaning: {kind} of {name} must return one text for each row"
        if isinstance(step, Fill) and step.column in contract.parsed:
            dtype = contract.parsed[step.column]
            if constant(contract.reading, step.column, dtype, Constant(step.text)) is None:
                yield f"cleaning: Fill of {step.column} with {step.text!r}, which is no {dtype}"


def _outlier_mistakes(contract: "Contract") -> Iterator[str]:
    columns = contract.types
    flags = [rule.flag for rule in contract.outliers if rule.flag]
    clipped = [rule.column for rule in contract.outliers if rule.clip]
    for rule in contract.outliers:
        limit = rule.iqr if rule.z_score is None else rule.z_score
        if (rule.iqr is None) == (rule.z_score is None):
            yield f"outliers of {rule.column}: say either iqr or z_score"
        elif limit is not None and not (math.isfinite(limit) and limit >= 0):
            yield f"outliers of {rule.column}: {limit} is no distance, such as iqr=1.5 or z_score=3"
        if not has_statistics(columns[rule.column]):
            yield f"outliers of {rule.column}: it is not a number of {_COUNTED}"
        if rule.flag and columns.get(rule.flag) != pl.Boolean():
            yield f"outliers of {rule.column}: {rule.flag!r} is not a Boolean column of the model"
        if not rule.flag and not rule.clip:
            yield f"outliers of {rule.column}: say what becomes of them, with flag='...' or clip=True"
        if (rule.flag and flags.count(rule.flag) > 1) or (rule.clip and clipped.count(rule.column) > 1):
            yield f"outliers of {rule.column}: two rules set one column"


def _impute_mistakes(contract: "Contract") -> Iterator[str]:
    schema = contract.row.to_schema()
    for column, how in contract.impute.items():
        dtype = contract.types[column]
        if isinstance(how, Constant):
            yield from (f"impute {column}: {how.text!r} {problem}" for problem in _constant(contract, column, how))
        elif how not in get_args(Statistic):
            yield f"impute {column}: {how!r} is none of {', '.join(get_args(Statistic))}, and no Constant"
        elif how != "mode" and not has_statistics(dtype):
            yield f"impute {column}: only numbers have a {how}, of {_COUNTED}"
        if not schema.columns[column].nullable:
            yield f"impute {column}: it must be nullable, or rows without a value are quarantined before"


def _constant(contract: "Contract", column: str, how: Constant) -> Iterator[str]:
    dtype = contract.types[column]
    value = constant(contract.reading, column, dtype, how)
    if value is None:
        yield f"is no {dtype}, as the text of a file would be read"
        return
    given = pl.Series(column, [str(value)] if isinstance(dtype, pl.Decimal) else [value]).cast(dtype).to_frame()
    for reason, checks in column_facts(contract.row.to_schema())[column].items():
        if not all(passed(check, column, given).all() for check in checks if check.statistics):
            yield f"fails {reason}"


def _unique_mistakes(contract: "Contract") -> Iterator[str]:
    unique = contract.unique
    if unique is None:
        return
    columns = contract.row.to_schema().columns
    for name in unique.key:
        if columns[name].nullable:
            yield f"unique: the key column {name} must not be nullable"
    for name in (*unique.key, unique.latest or unique.key[0]):
        if unique.across_files and contract.personal.get(name) == "drop":
            yield f"unique: across_files needs {name}, which is not in the table"
