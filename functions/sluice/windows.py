"""Counts of a stream's records by the minute of their event, carried from one batch of a window to the next.

The records are judged by the contract as those of a file are, so that a window and the table agree on what is a row.
A record that came twice counts twice here: telling would need all keys of a minute in the state, which AWS bounds.
"""

import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, BinaryIO

import polars as pl

from sluice.batch import clean_batch
from sluice.contract import Contract
from sluice.header import match_header
from sluice.opening import open_reader

State = dict[str, Any]
"""{first, last: sequence numbers; records: seen; counts: minute → group → [rows, total in the value's units]}."""


@dataclass(frozen=True)
class PerMinute:
    """What is counted: rows by the minute of `time` and by `group`, and the total of `value`, a Decimal column."""

    contract: Contract
    time: str
    group: str
    value: str

    @property
    def scale(self) -> int:
        dtype = self.contract.types[self.value]
        if not isinstance(dtype, pl.Decimal):
            raise TypeError(f"{self.value} is no Decimal: totals would depend on the order of the records")
        return dtype.scale


class _Records:
    """A source of some records."""

    name = "records of a stream"

    def __init__(self, records: Iterable[bytes]) -> None:
        # Begun with a line break, the text of no record is taken for the mark of a compressed file.
        self._text = b"\n" + b"\n".join(records) + b"\n"

    def open(self) -> BinaryIO:
        return io.BytesIO(self._text)


def add(what: PerMinute, state: State, records: list[tuple[str, bytes]]) -> State:
    """Return the state with these records, (sequence number, data), counted in."""
    if not records:
        return state
    counts = {minute: {group: list(one) for group, one in of.items()} for minute, of in state.get("counts", {}).items()}
    for minute, group, rows, total in _counted(what, [data for _, data in records]):
        one = counts.setdefault(minute, {}).setdefault(group, [0, 0])
        one[0] += rows
        one[1] += total
    return {
        "first": state.get("first", records[0][0]),
        "last": records[-1][0],
        "records": state.get("records", 0) + len(records),
        "counts": counts,
    }


def _counted(what: PerMinute, records: list[bytes]) -> Iterator[tuple[str, str, int, int]]:
    objects = [record for record in records if b"{" in record]
    if not objects:
        return
    with open_reader(what.contract, _Records(objects)) as reader:
        header = match_header(what.contract, reader.header)
        good = [clean_batch(what.contract, header.select(what.contract, raw.rows)).good for raw in reader]
    units = (pl.col(what.value) * 10**what.scale).cast(pl.Int64)
    minute = pl.col(what.time).dt.truncate("1m").dt.strftime("%Y-%m-%dT%H:%M:%S")
    counted = pl.concat(good).group_by(minute.alias("minute"), what.group).agg(rows=pl.len(), total=units.sum())
    yield from counted.select("minute", what.group, "rows", "total").iter_rows()


def lines(what: PerMinute, state: State, *, window_start: str, shard_id: str) -> bytes:
    """Return the result of a window as JSON Lines, the same bytes for the same state."""
    rows = []
    unit = Decimal(1).scaleb(-what.scale)
    for minute, groups in sorted(state.get("counts", {}).items()):
        for group, (posts, total) in sorted(groups.items()):
            mean = (total * unit / posts).quantize(Decimal("0.000001"), ROUND_HALF_EVEN)
            row = {
                "minute": minute,
                what.group: group,
                "posts": posts,
                f"{what.value}_total": str(total * unit),
                f"mean_{what.value}": str(mean),
                f"{what.group}s": len(groups),
                "window_start": window_start,
                "shard_id": shard_id,
            }
            rows.append(json.dumps(row, ensure_ascii=False))
    return "".join(f"{row}\n" for row in rows).encode()
