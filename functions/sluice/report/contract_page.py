"""A contract in words, for the producers of the files and the consumers of the table."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl
from pandera import Check

from sluice.contract import date_formats
from sluice.contract.declarations import MASK, Constant
from sluice.contract.facts import Facts, column_facts, row_facts
from sluice.contract.model import Contract
from sluice.contract.steps import Fill, MapValues, Step
from sluice.read.csv_reader import Reader
from sluice.read.header import match_header
from sluice.read.source import FileSource
from sluice.report.render import render

_DAY = datetime(2025, 3, 5, 14, 30)
_UNKNOWN = {
    "ignore": "Columns that are not listed here are left out.",
    "keep": "Columns that are not listed here are kept together as JSON in the column _extra.",
}


@dataclass(frozen=True)
class Field:
    """One column. needed: in every row; rules: facts that must hold; example: of a good file, if there is one."""

    name: str
    kind: str
    needed: bool
    rules: list[str]
    example: str


@dataclass(frozen=True)
class Page:
    """What a page shows; each text is a sentence, or a fact such as `quantity is from 1 to 1000`."""

    dataset: str
    version: int
    about: str
    names: list[tuple[str, str]]
    same_as_key: list[str]
    text: list[str]
    fields: list[Field]
    made: list[Field]
    row_rules: list[str]
    rejected: list[str]
    left_out: list[str]
    changed: list[str]
    example: str


def page(contract: Contract, sample: Path | None) -> Page:
    """Return a contract in words. sample: a good file, for examples (personal columns are masked)."""
    examples, lines = _examples(contract, sample)
    schema = contract.row.to_schema()
    facts = column_facts(schema)
    columns = [
        _field(contract, bool(schema.columns[name].nullable), name, facts[name], examples) for name in contract.types
    ]
    input_only = [
        Field(name, "text", False, ["is used by rules and not published"], examples.get(name, ""))
        for name in contract.reading.input_only
    ]
    return Page(
        dataset=contract.name,
        version=contract.version,
        about=" ".join((contract.row.__doc__ or "").split()),
        names=[(pattern, _named(pattern)) for pattern in contract.files],
        same_as_key=list(contract.same_as_key),
        text=list(_text(contract)),
        fields=[field for field in columns if field.name in contract.parsed] + input_only,
        made=[field for field in columns if field.name not in contract.parsed],
        row_rules=[words(name) for name in row_facts(schema)],
        rejected=list(_rejected(contract)),
        left_out=list(_left_out(contract)),
        changed=list(_changed(contract)),
        example=lines,
    )


def html(of: Page, *, at: str = "", dataset_page: str = "") -> str:
    """Return the page. at: its key; dataset_page: the key of the dataset's page, if there is one to lead to."""
    return render("contract", {"page": of, "dataset_page": dataset_page, "at": at})


def words(name: str, column: str = "") -> str:
    """Return a check's name as words: `age_is_between_minus_1_and_9` of `age` is `is between -1 and 9`."""
    fact = name.removeprefix(f"{column}_") if column else name
    fact = re.sub(r"(?<=\d)_(?=\d)", ".", fact)
    return re.sub(r"minus (\d)", r"-\1", fact.replace("_", " "))


def _field(contract: Contract, nullable: bool, name: str, facts: Facts, examples: dict[str, str]) -> Field:
    rules = [_rule(words(reason, name), checks) for reason, checks in facts.items()]
    if name in contract.same_as_key:
        rules.append("is the one in the file's name")
    if treatment := contract.personal.get(name):
        published = {"hash": "published only as a keyed hash", "drop": "not published", "keep": "published"}[treatment]
        rules.append(f"is about people: {published}, and masked in reports")
    dtype = contract.types[name]
    needed = not nullable and name in contract.parsed
    return Field(name, _kind(contract, name, dtype), needed, rules, examples.get(name, ""))


_SETTINGS = {
    "isin": ("is one of", "allowed_values"),
    "notin": ("is none of", "forbidden_values"),
    "str_matches": ("matches pattern:", "pattern"),
    "str_contains": ("contains pattern:", "pattern"),
    "str_startswith": ("starts with:", "string"),
    "str_endswith": ("ends with:", "string"),
}
"""By the name of pandera's check, its words, and its setting that the fact's name does not have."""


def _rule(fact: str, checks: list[Check]) -> str:
    """Return a rule's words, with the set of values or the pattern that it tests."""
    for check in checks:
        if check.name in _SETTINGS and check.statistics:
            text, setting = _SETTINGS[check.name]
            value = check.statistics[setting]
            if setting.endswith("_values"):
                return f"{text} {', '.join(map(str, value))}"
            return f"{text} {value.pattern if isinstance(value, re.Pattern) else value}"
    return fact


def _kind(contract: Contract, name: str, dtype: pl.DataType) -> str:
    if isinstance(dtype, pl.Decimal):
        return f"number, rounded to {dtype.scale} decimals"
    if dtype.is_integer():
        return "whole number"
    if dtype.is_float():
        return "number"
    if dtype == pl.Boolean():
        return "true or false (also yes/no, y/n, t/f, 1/0)" if name in contract.parsed else "true or false"
    if dtype.is_temporal():
        what, usual = ("date", "%Y-%m-%d") if dtype == pl.Date() else ("time", "%Y-%m-%dT%H:%M:%S")
        formats = contract.reading.dates.get(name, (usual,))
        zone, pivot = contract.reading.time_zones.get(name), contract.reading.century_pivots.get(name)
        local = f", local time of {zone}" if zone else ""
        years = f", years of two digits are {pivot - 99} to {pivot}" if pivot else ""
        return f"{what}, such as {' or '.join(map(date_formats.sample, formats))}{local}{years}"
    return "text"


def _named(pattern: str) -> str:
    """Return an example of a naming convention."""

    def part(found: re.Match[str]) -> str:
        return _DAY.strftime(found.group(2)) if found.group(2) else f"<{found.group(1)}>"

    return re.sub(r"\{([a-z0-9_]+)(?::([^{}]+))?\}", part, pattern)


def _text(contract: Contract) -> Iterator[str]:
    reading = contract.reading
    names = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
    delimiter = names.get(reading.format.delimiter, repr(reading.format.delimiter))
    if contract.reads_objects:
        yield f"JSON Lines in {reading.format.encoding.upper()}: one object a line, a key for each column."
        yield "A key that is absent, or null, means that there is no value."
    else:
        line, encoding = reading.format.skip_lines + 1, reading.format.encoding.upper()
        yield f"CSV with a header in line {line}, fields parted by {delimiter}, in {encoding}."
        yield f"A field that holds one of these, or a line break, stands in quotes ({reading.format.quote})."
        if reading.format.escape:
            yield f"A quote inside of quotes is doubled, or stands behind {reading.format.escape}."
        if reading.format.trailing_delimiter:
            yield "Every row ends with a delimiter."
        if reading.format.quoted_empty_is_text:
            yield "Two quotes with nothing between them are an empty text."
    yield "It may be compressed: then its name ends in .gz or .zst."
    yield "The columns may stand in any order; blanks around names and values do not matter."
    of_all = reading.null_markers if isinstance(reading.null_markers, tuple) else ()
    markers = [repr(marker) for marker in of_all if marker]
    others = f"; so does {' or '.join(markers)}, in upper or lower case" if markers else ""
    yield f"An empty field means that there is no value{others}."
    for name, of_column in {} if isinstance(reading.null_markers, tuple) else reading.null_markers.items():
        yield f"In {name}, {' or '.join(map(repr, of_column))} means that there is no value."
    mark = "comma" if reading.decimal_comma else "point"
    yield f"Numbers have a decimal {mark} and no marks between thousands."
    for alias, name in reading.aliases.items():
        yield f"The column {name} may be called {alias!r}."
    for name in reading.optional:
        yield f"The column {name} may be absent."
    if reading.unknown_columns != "reject":
        yield _UNKNOWN[reading.unknown_columns]


def _rejected(contract: Contract) -> Iterator[str]:
    yield "It cannot be read: it is empty, no text, cut off, or in another encoding."
    if not contract.reads_objects:
        yield f"Its header is not on line {contract.reading.format.skip_lines + 1}, lacks a column, or names one twice."
        if contract.reading.unknown_columns == "reject":
            yield "It has a column that is not listed here."
    yield "Its name does not follow the naming convention."
    yield f"More than {contract.quarantine_limit:.0%} of its rows break a rule."


def _left_out(contract: Contract) -> Iterator[str]:
    for rule in contract.discard:
        yield f"{words(rule.name)}: rows that this dataset leaves out on purpose."
    if contract.unique:
        key = " + ".join(contract.unique.key)
        latest = f"the largest {contract.unique.latest}" if contract.unique.latest else "the highest row number"
        yield f"duplicate: of the rows of one file with the same {key}, the one with {latest} stays."
        if contract.unique.across_files:
            yield f"{contract.name}_latest shows the same of all files; {contract.name} keeps the rows of each."


def _changed(contract: Contract) -> Iterator[str]:
    for step in contract.cleaning:
        yield f"{', '.join(step.columns)}: {_step(step)}"
    for name, how in contract.impute.items():
        value = how.text if isinstance(how, Constant) else f"the {how} of its file"
        yield f"{name}: a missing value is published as {value}."
    for rule in contract.outliers:
        far = f"{rule.iqr} times the quartiles' distance beyond them"
        where = far if rule.iqr is not None else f"{rule.z_score} standard deviations from the mean"
        does = [f"{rule.flag} is true"] if rule.flag else []
        does += ["it is moved to the nearest limit"] if rule.clip else []
        yield f"{rule.column}: where it is further than {where}, {' and '.join(does) or 'nothing happens'}."
    if contract.table == "iceberg":
        yield "The table is an Iceberg table: readers see the files of a run, or of a correction, all at once."
    for part in contract.partition_by:
        text = f" as {_DAY.strftime(part.format)}" if part.format else ""
        yield f"The table is partitioned by {part.name}{f', which is {part.of}{text}' if part.of else ''}."


def _step(step: Step) -> str:
    if isinstance(step, MapValues):
        return ", ".join(f"{old} is published as {new}" for old, new in step.values.items()) + "."
    if isinstance(step, Fill):
        return f"a missing value is {step.text!r}."
    does = (type(step).__doc__ or type(step).__name__).strip().splitlines()[0]
    return does[0].lower() + does[1:]


def _examples(contract: Contract, sample: Path | None) -> tuple[dict[str, str], str]:
    """Return (column → value, header and row as they are written) of a sample's first row."""
    if sample is None or not sample.exists():
        return {}, ""
    if contract.reads_objects:
        return _example_object(contract, sample)
    text_format = contract.reading.format
    with Reader(FileSource(sample), text_format) as reader:
        header, row = reader.header, next(iter(reader)).rows.drop("_row_number").row(0)
    columns = match_header(contract, header).positions
    masked = {at for name, at in columns.items() if name in contract.personal}
    shown = [MASK if at in masked else cell or "" for at, cell in enumerate(row)]
    lines = "\n".join(text_format.delimiter.join(cells) for cells in (header, shown))
    return {name: shown[at] for name, at in columns.items()}, lines


def _example_object(contract: Contract, sample: Path) -> tuple[dict[str, str], str]:
    """Return the same of a sample of JSON Lines; what is shown is its first record."""
    with sample.open(encoding=contract.reading.format.encoding) as file:
        record = json.loads(file.readline())
    shown = {name: MASK if name in contract.personal else value for name, value in record.items()}
    return {name: str(value) for name, value in shown.items()}, json.dumps(shown, ensure_ascii=False)
