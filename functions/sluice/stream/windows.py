"""Counts of a stream's records by the minute of their event, carried from one batch of a window to the next.

The contract validates the records as it does those of a file, so that a window and the table have the same rows.
Each counts once, however often it comes: two records are the same when the contract's key and latest column are.
"""

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, BinaryIO

import polars as pl

from sluice.aws.dynamodb import Items
from sluice.aws.telemetry import logger
from sluice.clean.batch import clean_batch
from sluice.contract.model import Contract
from sluice.errors import FileRejected
from sluice.read.header import match_header
from sluice.read.open import open_reader

State = dict[str, Any]
"""{first, last: sequence numbers; records: seen; repeated: rows that came before; counts: minute → group → [rows, total
in the value's units]}."""

Records = list[tuple[str, bytes]]
"""(sequence number, data) in the order of the shard."""

First = Callable[[dict[str, str]], set[str]]
"""Of row → sequence number it returns the rows whose first occurrence that is."""


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
        # A line break comes first, or the text of a record could be taken for the magic bytes of a compressed file.
        self._text = b"\n" + b"\n".join(records) + b"\n"

    def open(self) -> BinaryIO:
        return io.BytesIO(self._text)


def add(what: PerMinute, state: State, records: Records, first: First) -> State:
    """Return the state with these records counted in, but for rows that came before."""
    if not records:
        return state
    rows = _rows(what, [record for record in records if b"{" in record[1]])
    counts = {minute: {group: list(one) for group, one in of.items()} for minute, of in state.get("counts", {}).items()}
    new = rows.unique("row", keep="first", maintain_order=True)
    firsts = first(dict(new.select("row", "number").iter_rows())) if new.height else set()
    new = new.filter(pl.col("row").is_in(list(firsts)))
    for minute, group, posts, total in _counted(new):
        one = counts.setdefault(minute, {}).setdefault(group, [0, 0])
        one[0] += posts
        one[1] += total
    return {
        "first": state.get("first", records[0][0]),
        "last": records[-1][0],
        "records": state.get("records", 0) + len(records),
        "repeated": state.get("repeated", 0) + rows.height - new.height,
        "counts": counts,
    }


def _rows(what: PerMinute, records: Records) -> pl.DataFrame:
    """Return the good rows: row (its identity), number (of its record), minute, group, units (the value's)."""
    read = [_identified(what, good, numbers) for good, numbers in _good(what.contract, records)]
    return pl.concat([pl.DataFrame(schema=_ROWS), *read])


_ROWS = {"row": pl.String, "number": pl.String, "minute": pl.String, "group": pl.String, "units": pl.Int64}


def _good(contract: Contract, records: Records) -> Iterator[tuple[pl.DataFrame, list[str]]]:
    """Yield good rows with the sequence numbers of the records in which they stand.

    A record is one row, as a rule. Records of which one holds several objects, or is nothing that can be read, are read
    by halves until it is found: what stands in the others counts.
    """
    if not records:
        return
    try:
        with open_reader(contract, _Records(data for _, data in records)) as reader:
            header = match_header(contract, reader.header)
            read = [clean_batch(contract, header.select(contract, raw.rows)).good for raw in reader]
            a_row_each = reader.facts.rows_in == len(records)
    except FileRejected:
        read, a_row_each = [], False
    if a_row_each or len(records) == 1:
        for good in read:
            yield good, [records[number - 1 if a_row_each else 0][0] for number in good["_row_number"]]
        return
    half = len(records) // 2
    yield from _good(contract, records[:half])
    yield from _good(contract, records[half:])


def _identified(what: PerMinute, good: pl.DataFrame, numbers: list[str]) -> pl.DataFrame:
    unique = what.contract.unique
    names = [*unique.key, *([unique.latest] if unique.latest else [])] if unique else list(what.contract.parsed)
    texts = (json.dumps([what.contract.name, *values], default=str) for values in good.select(names).iter_rows())
    return good.select(
        pl.Series("row", [hashlib.sha256(text.encode()).hexdigest()[:32] for text in texts], dtype=pl.String),
        pl.Series("number", numbers, dtype=pl.String),
        pl.col(what.time).dt.truncate("1m").dt.strftime("%Y-%m-%dT%H:%M:%S").alias("minute"),
        pl.col(what.group).alias("group"),
        (pl.col(what.value) * 10**what.scale).cast(pl.Int64).alias("units"),
    )


def _counted(rows: pl.DataFrame) -> Iterator[tuple[str, str, int, int]]:
    counted = rows.group_by("minute", "group").agg(posts=pl.len(), total=pl.col("units").sum())
    yield from counted.select("minute", "group", "posts", "total").iter_rows()


def close(
    what: PerMinute,
    state: State,
    *,
    result: str,
    window_start: str,
    shard_id: str,
    s3: Any,
    bucket: str,
    ledger: Items,
) -> None:
    """Write the window's result as a file of the dataset `result`, unless that is done; without counts there is none.

    Done is a window whose digest the ledger has: that is written last.
    """
    key = f"{result}/{window_start[:10]}/{window_start[11:19].replace(':', '')}-{shard_id}-{state['first']}.jsonl"
    item = {"source": f"window://{what.contract.name}/{shard_id}", "version": f"{window_start}/{state['first']}"}
    body = lines(what, state, window_start=window_start, shard_id=shard_id)
    digest = hashlib.sha256(body).hexdigest()
    if ledger.get(item).get("digest") == digest:
        logger.info("window closed before", key=key)
        return
    summary = {"last": state["last"], "records": state["records"], "repeated": state.get("repeated", 0)}
    if body:
        # A stream is tried for ever: while the ledger fails, each try would upload one more version.
        ledger.put({**item, "key": key})
        s3.put_object(Bucket=bucket, Key=key, Body=body)
        summary["key"] = key
    ledger.put({**item, **summary, "digest": digest})
    logger.info("window closed", **summary)


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
