"""Validates a whole file against its contract in bounded memory, before anything is written."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field

import polars as pl

from sluice.clean.parallel import validated
from sluice.clean.result import BatchResult, refuse_share
from sluice.contract.model import Contract
from sluice.errors import FileRejected
from sluice.read.header import header_drift, match_header
from sluice.read.open import FileReader, open_reader
from sluice.read.schema_drift import Drift, of_values
from sluice.read.source import Source
from sluice.validate.report import Example, ValidationReport

KEY_FOLLOWS_NAMING_RULE = "key_follows_naming_rule"

_EXAMPLES = 3


@dataclass
class _Tally:
    rows: int = 0
    quarantined: int = 0
    discarded: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[Example]] = field(default_factory=dict)


def check(
    contract: Contract,
    source: Source,
    key: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> ValidationReport:
    """Return the report on a file. With a key, the naming convention and the columns that it fixes are checked too.

    Duplicates and outliers need a second pass over the file and are left to the cleaning: neither quarantines.
    """
    tally = _Tally()
    reader = None
    problem = None
    try:
        parts = _parts(contract, key)
        reader = open_reader(contract, source)
        _read(contract, reader, parts, tally, progress)
        refuse_share(contract, tally.rows, tally.quarantined, tally.reasons)
    except FileRejected as rejected:
        problem = rejected
        tally.reasons.setdefault(rejected.reason, 1)
    facts = asdict(reader.facts) if reader else {}
    return ValidationReport(
        result="rejected" if problem else "accepted",
        dataset=contract.name,
        contract_version=contract.version,
        rows=tally.rows,
        would_quarantine=tally.quarantined,
        discarded=dict(tally.discarded),
        reasons=dict(tally.reasons.most_common()),
        problems=[problem.message] if problem else [],
        examples=tally.examples,
        encoding=facts.get("encoding", contract.reading.format.encoding),
        delimiter=contract.reading.format.delimiter,
        drift=_drift(contract, reader, tally),
        facts=facts,
    )


def _parts(contract: Contract, key: str | None) -> Mapping[str, str]:
    if key is None:
        return {}
    for pattern in contract.patterns:
        parts = pattern.match(key)
        if parts is not None:
            return parts
    raise FileRejected(
        KEY_FOLLOWS_NAMING_RULE,
        f"the key {key!r} does not follow the naming convention of {contract.name}: {', '.join(contract.files)}",
    )


def _drift(contract: Contract, reader: FileReader | None, tally: _Tally) -> list[Drift]:
    if reader is None:
        return []
    remaining = tally.rows - sum(tally.discarded.values())
    return [*header_drift(contract, reader.header), *of_values(contract, remaining, tally.reasons)]


def _read(
    contract: Contract,
    reader: FileReader,
    parts: Mapping[str, str],
    tally: _Tally,
    progress: Callable[[int], None] | None,
) -> None:
    header = match_header(contract, reader.header, reader.preview)
    for batch in validated(contract, header, reader, parts):
        tally.rows += batch.rows_in
        tally.quarantined += batch.quarantined_rows
        tally.discarded.update(batch.discarded)
        tally.reasons.update(batch.reasons)
        _note_examples(contract, batch, tally)
        if progress:
            progress(tally.rows)


def _note_examples(contract: Contract, batch: BatchResult, tally: _Tally) -> None:
    wanted = [reason for reason in batch.reasons if len(tally.examples.get(reason, [])) < _EXAMPLES]
    if not wanted:
        return
    quarantined = batch.quarantined()
    for reason in wanted:
        has_it = quarantined.filter(pl.col("_reasons").list.contains(reason)).head(_EXAMPLES)
        column = column_of(contract, reason)
        for row in has_it.select("_row_number", column).iter_rows():
            shown = tally.examples.setdefault(reason, [])
            if len(shown) < _EXAMPLES:
                shown.append(Example(row[0], row[1][:120] if row[1] is not None else None))


def column_of(contract: Contract, reason: str) -> str:
    """Return the column of a reason: the longest column name that it begins with."""
    named = [name for name in contract.file_columns if reason.startswith(f"{name}_")]
    return max(named, key=len, default="_raw")
