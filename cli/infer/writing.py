"""Writes a proposal as the Python file of a dataset, formatted as the project's linter wants it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import polars as pl

from cli.infer.columns import Column
from cli.infer.proposal import Proposal

_WIDTH = 120
_DECIDE = "DECIDE"


def source(proposal: Proposal) -> str:
    """Return the text of functions/datasets/<dataset>.py."""
    blocks = [_head(proposal), *_constants(proposal), *_model(proposal), "", "", *_contract(proposal)]
    lines = "\n".join(blocks).split("\n")
    # A header's own name cannot be broken.
    return "".join(f"{line}  # noqa: E501\n" if len(line) > _WIDTH else f"{line}\n" for line in lines)


def row_class(dataset: str) -> str:
    return "".join(part.capitalize() for part in dataset.split("_")) + "Row"


def constant(column: Column) -> str:
    return f"{column.name.upper()}_VALUES"


def _head(proposal: Proposal) -> str:
    samples = proposal.samples
    # A file's name is data: as a literal in a comment it cannot become code.
    names = ", ".join(repr(path.name) for path in samples.paths[:3]) + (", …" if len(samples.paths) > 3 else "")
    seen = f"{samples.rows.height:,} rows" + (", the first of more" if samples.cut else "")
    used = ["Contract", "Reading"]
    if (totals := proposal.totals) and totals.discarded:
        used += ["Discard"] if totals.column else ["RAW", "Discard"]
    used += ["Partition"] if proposal.partition else []
    used += ["TextFormat"] if _text_format(proposal) else []
    used += ["Unique"] if proposal.key.columns else []
    lines = [
        f'"""{proposal.dataset}: say here in one sentence what a row is and who sends the files.',
        "",
        f"Lines that say {_DECIDE} need a person who knows the data.",
        '"""',
        "",
        *_comment(f"Inferred from {seen}: {names}.", 0),
        "import pandera.polars as pa",
        "import polars as pl",
        "",
        f"from sluice.contract import {', '.join(sorted(used))}",
    ]
    return "\n".join(lines)


def _constants(proposal: Proposal) -> Iterator[str]:
    sets = {constant(column): column.rule.values for column in proposal.columns if column.rule and column.rule.values}
    if sets:
        yield ""
    for name, values in sets.items():
        yield f"{name} = {_tuple(values, len(name) + 3, 0)}"


def _model(proposal: Proposal) -> Iterator[str]:
    yield from ("", "", f"class {row_class(proposal.dataset)}(pa.DataFrameModel):")
    yield '    """One published row."""'
    yield ""
    for column in proposal.columns:
        yield from _field(column)
    if proposal.partition:
        yield f"    {proposal.partition.name}: pl.String"


def _field(column: Column) -> Iterator[str]:
    for question in column.decide:
        yield from _comment(f"{_DECIDE}: {question}", 4)
    written = {pl.Datetime: 'pl.Datetime("us")', pl.Decimal: _decimal(column.dtype)}
    kind = column.dtype.base_type()
    text = f"    {column.name}: {written.get(kind, f'pl.{kind.__name__}')}"
    settings = [*_settings(column), *(["nullable=True"] if column.nullable else [])]
    text += f" = pa.Field({', '.join(settings)})" if settings else ""
    facts = [f"{column.nulls:,} of {column.rows:,} missing"] if column.nulls else []
    facts += [f"seen: {column.seen}"] if column.seen else []
    comment = "; ".join(facts)
    if comment and len(text) + len(comment) + 4 <= _WIDTH:
        yield f"{text}  # {comment}"
        return
    if comment:
        yield from _comment(comment[0].upper() + comment[1:] + ".", 4)
    yield text


def _settings(column: Column) -> Iterator[str]:
    if column.rule and column.rule.values:
        yield f"isin={constant(column)}"
    elif column.rule:
        yield from (
            f"{name}={end}" for name, end in (("ge", column.rule.ge), ("le", column.rule.le)) if end is not None
        )


def _decimal(dtype: pl.DataType) -> str:
    return f"pl.Decimal({dtype.precision}, {dtype.scale})" if isinstance(dtype, pl.Decimal) else ""


def _contract(proposal: Proposal) -> Iterator[str]:
    yield "contract = Contract("
    yield f'    name="{proposal.dataset}",'
    yield "    version=1,"
    yield f"    row={row_class(proposal.dataset)},"
    if not proposal.files_are_given:
        yield from _comment(
            f"{_DECIDE}: how do producers name their files? A file sent again under its name replaces its rows.", 4
        )
    yield f"    files=({_text(proposal.files)},),"
    yield from _reading(proposal)
    yield from _discard(proposal)
    yield from _unique(proposal)
    yield from _partition(proposal)
    yield from _personal(proposal)
    yield ")"


def _reading(proposal: Proposal) -> Iterator[str]:
    yield "    reading=Reading("
    if text_format := _text_format(proposal):
        yield f"        format=TextFormat({text_format}),"
    for marker, columns in proposal.markers.doubtful.items():
        named = "also stands" if marker in proposal.markers.taken else "is no null marker here: it stands"
        where = ", ".join(columns[:5])
        yield from _comment(f"{_DECIDE}: {marker!r} {named} as a text in {where}. A value, or none?", 8)
    yield f"        null_markers={_tuple(proposal.markers.taken, 21, 8)},"
    dates = {column.name: column.guess.formats for column in proposal.columns if column.guess.formats}
    if dates:
        yield "        dates={"
        for name, formats in dates.items():
            yield f'            "{name}": {_tuple(formats, len(name) + 16, 12)},'
        yield "        },"
    aliases = {c.header: c.name for c in proposal.columns if c.header.lower() != c.name}
    yield from _mapping("aliases", aliases, 8)
    if proposal.samples.partial:
        named = ", ".join(map(repr, proposal.samples.partial[:5]))
        yield from _comment(f"{_DECIDE}: not every sample has {named}. Left out of the table as it stands.", 8)
        yield '        unknown_columns="ignore",'
    if proposal.comma:
        yield from _comment(f"{_DECIDE}: is a comma in numbers the decimal comma? Then 1,234 is below 2.", 8)
        yield "        decimal_comma=True,"
    yield "    ),"


def _discard(proposal: Proposal) -> Iterator[str]:
    totals = proposal.totals
    if totals is None:
        return
    shown = f"a file ends with {totals.shown!r}, which looks like a sum"
    if not totals.discarded:
        yield from _comment(f"{_DECIDE}: {shown}. If it is, discard such rows by a rule; here they are rows.", 4)
        return
    yield from _comment(f"{_DECIDE}: {shown}, so such rows are discarded. Or are they rows like the others?", 4)
    words = _tuple(totals.words, 40, 4).replace("(", "[", 1).replace(",)", "]").replace(")", "]")
    when = f'pl.col("{totals.column}").str.to_lowercase().is_in({words})'
    if totals.column is None:
        when = " | ".join(f"RAW.str.starts_with({_text(word)})" for word in totals.words)
    yield f'    discard=(Discard("totals_line", when={when}),),'


def _text_format(proposal: Proposal) -> str:
    written = proposal.samples.format
    parts = [f"delimiter={_text(written.delimiter)}"] if written.delimiter != "," else []
    parts += [f"encoding={_text(written.encoding)}"] if written.encoding != "utf-8" else []
    return ", ".join(parts)


def _unique(proposal: Proposal) -> Iterator[str]:
    key = proposal.key
    others = "; ".join(" + ".join(names) for names in key.others[:4])
    if not key.columns:
        named = f"unique in the sample, too: {others}" if others else "nothing in the sample identifies a row"
        yield from _comment(f"{_DECIDE}: no key, so rows sent twice in a file are both published ({named}).", 4)
        return
    doubt = "unique in the sample" + (f", as are: {others}" if others else "")
    latest = "the highest row number" if key.latest is None else f"the largest {key.latest}"
    yield from _comment(f"{_DECIDE}: is this the key? It is {doubt}. Of rows with one key, {latest} stays.", 4)
    more = f', latest="{key.latest}"' if key.latest else ""
    yield f"    unique=Unique(key={_tuple(key.columns, 22 + len(more), 4)}{more}),"


def _partition(proposal: Proposal) -> Iterator[str]:
    part = proposal.partition
    if part is None:
        yield from _comment(f"{_DECIDE}: no partitions. Large tables want one, of a column that queries filter by.", 4)
        return
    yield from _comment(f"{_DECIDE}: do queries filter by this? A partition should hold thousands of rows.", 4)
    yield f'    partition_by=(Partition("{part.name}", of="{part.of}", format="{part.format}"),),'


def _personal(proposal: Proposal) -> Iterator[str]:
    yield from _mapping("personal", {c.name: c.personal for c in proposal.columns if c.personal}, 4)


def _mapping(name: str, values: Mapping[str, str], indent: int) -> Iterator[str]:
    if not values:
        return
    blank = " " * indent
    yield f"{blank}{name}={{"
    for key, value in values.items():
        yield f"{blank}    {_text(key)}: {_text(value)},"
    yield f"{blank}}},"


def _tuple(values: Sequence[str], before: int, indent: int) -> str:
    """Return a tuple of texts, on one line when it fits after `before` characters."""
    texts = [_text(value) for value in values]
    short = f"({', '.join(texts)}{',' if len(texts) == 1 else ''})"
    if before + len(short) + 4 <= _WIDTH:
        return short
    blank = " " * indent
    return "(\n" + "".join(f"{blank}    {text},\n" for text in texts) + f"{blank})"


def _text(value: str) -> str:
    """Return a Python literal in the quotes that the formatter prefers: double ones, unless they need more escapes."""
    escaped = repr('"' + value)[2:-1]
    if value.count('"') > value.count("'"):
        return f"'{escaped}'"
    return '"' + escaped.replace("\\'", "'").replace('"', '\\"') + '"'


def _comment(text: str, indent: int) -> Iterable[str]:
    """Return comment lines that fit, broken between words."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        if line and indent + len(line) + len(word) + 3 > _WIDTH:
            lines.append(line)
            line = ""
        line = f"{line} {word}" if line else word
    return [f"{' ' * indent}# {each[: _WIDTH - indent - 2]}" for each in (*lines, line)]
