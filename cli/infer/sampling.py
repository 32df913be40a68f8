"""Reads sample files as text, however they are delimited and encoded."""

import codecs
import csv
import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import polars as pl

from sluice.contract.declarations import TextFormat
from sluice.contract.values import NUMBER
from sluice.errors import FileRejected, SluiceError
from sluice.read.compression import TextStream
from sluice.read.csv_grammar import NO_EXTRA_FIELD
from sluice.read.csv_reader import Reader
from sluice.read.encoding import refuse_other_than_text
from sluice.read.source import FileSource, Limits

ROWS = 500_000
"""Rows that are looked at, of all files together: enough to infer from, and they fit into memory as text."""

_HEAD = 1 << 16
_DELIMITERS = ",;\t|"
_LINES = 50


class SampleRefused(SluiceError):
    """A sample file from which no contract can be inferred; the message says what to change."""


@dataclass(frozen=True)
class Samples:
    """What the files hold. rows: String columns under the header's names, as in the files.

    malformed: records that could not be split, by reason. partial: columns that not every file has.
    cut: whether rows were left out because there are more than ROWS.
    last: the indices in `rows` of the rows that end a file; last_raw: the records that end one and cannot be split.
    """

    paths: tuple[Path, ...]
    format: TextFormat
    rows: pl.DataFrame
    malformed: dict[str, int]
    partial: tuple[str, ...]
    cut: bool
    last: tuple[int, ...] = ()
    last_raw: tuple[str, ...] = ()


class _File(NamedTuple):
    """rows: under the header's names. malformed: by reason. cut: whether there are more. last_raw: the record at its
    end, where it cannot be split."""

    rows: pl.DataFrame
    malformed: Counter[str]
    cut: bool
    last_raw: str | None


def read_samples(paths: Sequence[Path], text_format: TextFormat | None = None) -> Samples:
    """Read the files, all in the format of the first. Raises SampleRefused, FileRejected.

    text_format: where it is known. Then `rows` has also the columns that not every file has, empty where one has not.
    """
    known, text_format = text_format is not None, text_format or _format_of(paths[0])
    files: list[_File] = []
    for path in paths:
        files.append(_read(path, text_format, ROWS - sum(file.rows.height for file in files)))
    names = [{name.lower(): name for name in file.rows.columns} for file in files]
    every: dict[str, str] = {}
    for file in files:
        for name in file.rows.columns:
            every.setdefault(name.lower(), name)
    shared = [name for name in files[0].rows.columns if all(name.lower() in others for others in names)]
    partial = tuple(name for name in every if name not in {name.lower() for name in shared})
    wanted = [*shared, *(every[name] for name in partial)] if known else shared
    rows = pl.concat(
        file.rows.select(
            pl.col(own[name.lower()]).alias(name) if name.lower() in own else pl.lit("").alias(name) for name in wanted
        )
        for file, own in zip(files, names, strict=True)
    )
    if rows.is_empty():
        raise SampleRefused(f"{paths[0]}: no row below the header could be read, so there is nothing to infer from")
    ends = [*itertools.accumulate(file.rows.height for file in files)]
    whole = [(file, end) for file, end in zip(files, ends, strict=True) if not file.cut]
    return Samples(
        tuple(paths),
        text_format,
        rows,
        dict(sum((file.malformed for file in files), Counter[str]())),
        partial,
        any(file.cut for file in files),
        tuple(end - 1 for file, end in whole if file.last_raw is None and file.rows.height),
        tuple(file.last_raw for file, _ in whole if file.last_raw is not None),
    )


def _format_of(path: Path) -> TextFormat:
    with path.open("rb") as file:
        stream, head = TextStream(file, Limits()), b""
        while len(head) < _HEAD and (block := stream.read()):
            head += block
    if head.lstrip()[:1] in (b"{", b"["):
        raise SampleRefused(f"{path}: line 1 is JSON, and only CSV can be inferred from: write the contract yourself")
    _refuse_format(path, head[:_HEAD])
    delimiter = _delimiter(head[:_HEAD].decode("utf-8", "replace"))
    for encoding in ("utf-8", "cp1252"):
        text_format = TextFormat(delimiter=delimiter, encoding=encoding)
        try:
            bad = _read(path, text_format, ROWS).malformed
        except FileRejected as rejected:
            if encoding == "cp1252" or rejected.reason != "file_is_utf_8":
                raise
            continue
        if not any("utf_8" in reason for reason in bad):
            return text_format
    return TextFormat(delimiter=delimiter, encoding="latin-1")


def _delimiter(head: str) -> str:
    """Return the delimiter that splits the most lines as it splits the first."""
    lines = [line for line in head.splitlines() if line.strip()][:_LINES]
    if not lines:
        return ","

    def agreement(delimiter: str) -> tuple[int, int]:
        counts = [len(next(csv.reader([line], delimiter=delimiter), [])) for line in lines]
        return (sum(count == counts[0] for count in counts) if counts[0] > 1 else 0, counts[0])

    best = max(_DELIMITERS, key=agreement)
    return best if agreement(best)[0] else ","


def _read(path: Path, text_format: TextFormat, most: int) -> _File:
    malformed: Counter[str] = Counter()
    batches: list[pl.DataFrame] = []
    height, raw, last_raw = 0, list[str](), None
    with Reader(FileSource(path), text_format) as reader:
        _refuse_header(path, reader.header)
        for batch in reader:
            malformed.update(batch.malformed["_reason"].to_list())
            raw += batch.malformed["_raw"].head(2).to_list()
            last_raw = _last_raw(batch.rows["_row_number"], batch.malformed)
            batches.append(batch.rows.drop("_row_number"))
            height += batch.rows.height
            if height >= most:
                break
        header = reader.header
    if sum(malformed.values()) > height and not any("utf_8" in reason for reason in malformed):
        reason, count = malformed.most_common(1)[0]
        rows_in = height + sum(malformed.values())
        advice = _advice(reason, header, raw)
        raise SampleRefused(f"{path}: {count:,} of {rows_in:,} rows fail {reason}. {advice}")
    rows = pl.concat(batches) if batches else pl.DataFrame(schema=dict.fromkeys(header, pl.String))
    named = rows.rename(dict(zip(rows.columns, header, strict=True))).head(most)
    return _File(named, malformed, height > most, last_raw)


def _last_raw(split: pl.Series, malformed: pl.DataFrame) -> str | None:
    """Return the record that ends a batch, if it is one that cannot be split. split: row numbers of the others."""
    last = malformed.sort("_row_number").tail(1)
    if last.is_empty() or (len(split) and int(split.max()) > last["_row_number"].item()):  # type: ignore[arg-type]
        return None
    return str(last["_raw"].item())


def _refuse_format(path: Path, head: bytes) -> None:
    """Refuse what would be read as something else: UTF-16, encodings of two bytes, and Excel's line `sep=`."""
    if head:
        refuse_other_than_text(head, "utf-8")
    if found := _two_bytes(head):
        raise SampleRefused(
            f"{path}: the text is {found}, which is not read. Save it as UTF-8, "
            f"for instance: iconv -f {found} -t UTF-8 in.csv > out.csv"
        )
    if re.match(rb"(?:\xef\xbb\xbf)?\"?sep=.\"?\r?\n", head, re.IGNORECASE):
        raise SampleRefused(
            f"{path}: line 1 is Excel's sep=, the header is on line 2. Remove it from the sample; a contract can "
            "declare TextFormat(skip_lines=1)"
        )


def _two_bytes(head: bytes) -> str | None:
    """Return the East Asian encoding that a text seems to be: bytes above ASCII stand in pairs, and name letters."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        pass
    else:
        return None
    runs = re.findall(rb"[\x80-\xff]+", head)
    if sum(map(len, runs)) < 2 * len(runs):
        return None  # letters with accents stand alone
    for name, codec, letters in (
        ("SHIFT_JIS", "cp932", "[\u3040-\u30ff]"),
        ("EUC-JP", "euc_jp", "[\u3040-\u30ff]"),
        ("GBK", "gbk", "[\u4e00-\u9fff]"),
    ):
        try:
            text = codecs.getincrementaldecoder(codec)().decode(head)
        except UnicodeDecodeError:
            continue
        if len(re.findall(letters, text)) * 4 > sum(char > "\x7f" for char in text):
            return name
    return None


def _advice(reason: str, header: list[str], raw: list[str]) -> str:
    if "quotes" in reason:
        escaped = " A backslash before quotes is declared as TextFormat(escape=...)." if "\\" in "".join(raw) else ""
        return f"The quotes do not pair: a quote inside a quoted field is doubled.{escaped}"
    fields = f"Line 1 has {len(header)} fields"
    if reason == NO_EXTRA_FIELD and raw and raw[0].rstrip()[-1:] in _DELIMITERS:
        return f"{fields}, the rows have one more, for they end with the delimiter: TextFormat(trailing_delimiter=True)"
    return f"{fields}. If the header is not on line 1, remove what is above it"


def _refuse_header(path: Path, header: list[str]) -> None:
    numbers = [name for name in header if re.match(NUMBER, name)]
    if 2 * len(numbers) > len(header):
        raise SampleRefused(f"{path}: line 1 is data, not a header ({', '.join(numbers[:3])}): add a line of names")
    named = [name for name in header if name]
    if len(named) * 2 < len(header):
        raise SampleRefused(
            f"{path}: line 1 names {len(named)} of {len(header)} columns: a title? Remove what is above the header"
        )
    if len(named) < len(header):
        raise SampleRefused(
            f"{path}: {len(header) - len(named)} columns have no name. Name them, or remove them; a contract ignores "
            'them with unknown_columns="ignore"'
        )
    twice = [name for name, count in Counter(name.lower() for name in header).items() if count > 1]
    if twice:
        raise SampleRefused(f"{path}: the header names {', '.join(map(repr, twice))} more than once")
