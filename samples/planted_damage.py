"""Plants known damage in good files, so that what becomes of them can be compared with what was planted.

Made for the grocery files of shops (lines without quotes, header first). The same seed plants the same damage.
Needs nothing but the standard library, so that the demonstration can use it.
"""

import gzip
import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
DAMAGED_SHARE = 0.08
"""Below the share at which the contract rejects a whole file."""

Lines = list[str]


@dataclass(frozen=True)
class Planted:
    """One file as it is to be uploaded, what was done to it, and what must become of it.

    rejected_by: the check that refuses the whole file; nothing of such a file is published, and the counts are 0.
    """

    key: str
    content: bytes
    story: str
    rows_in: int = 0
    published: int = 0
    quarantined: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    discarded: dict[str, int] = field(default_factory=dict)
    rejected_by: str | None = None


def plant(files: Iterable[tuple[str, Lines]], *, seed: int = 7) -> list[Planted]:
    """Plant every kind of damage in turn, in an order drawn by `seed`; a fourth of the files stays as it is.

    files: (key, lines with the header first); each must have rows that are published, or nothing can be damaged.
    """
    rng = random.Random(seed)  # noqa: S311 - a plan to repeat, not a secret
    planted: list[Planted] = []
    kinds: list[Callable[[str, Lines, random.Random], Planted]] = []
    for key, lines in files:
        if not kinds:
            kinds = [*KINDS]
            rng.shuffle(kinds)
        planted.append(kinds.pop()(key, lines, rng))
    return planted


def untouched(key: str, lines: Lines) -> Planted:
    """The file as it is."""
    return _expected(key, lines, _text(lines), story="as the shop sent it")


def _untouched(key: str, lines: Lines, _: random.Random) -> Planted:
    return untouched(key, lines)


def _windows(key: str, lines: Lines, _: random.Random) -> Planted:
    content = b"\xef\xbb\xbf" + "\r\n".join(lines).encode()
    return _expected(key, lines, content, story="byte order mark, CRLF, no final newline")


def _zipped(key: str, lines: Lines, _: random.Random) -> Planted:
    return _expected(f"{key}.gz", lines, gzip.compress(_text(lines), mtime=0), story="gzip")


def _reordered(key: str, lines: Lines, rng: random.Random) -> Planted:
    order = list(range(len(lines[0].split(","))))
    rng.shuffle(order)
    moved = [",".join(line.split(",")[at] for at in order) for line in lines]
    return _expected(key, lines, _text(moved), story="columns in another order")


def _sent_twice(key: str, lines: Lines, rng: random.Random) -> Planted:
    """Some good rows once more, as a till does that sends again what was not acknowledged."""
    good = [line for line in lines[1:] if _fate(lines[0], line) is None]
    again = rng.sample(good, min(5, len(good)))
    return _expected(key, lines, _text([*lines, *again]), story=f"{len(again)} rows sent twice", duplicates=len(again))


def _rows_damaged(key: str, lines: Lines, rng: random.Random) -> Planted:
    number = int(DAMAGED_SHARE * (len(lines) - 1))
    good = [at for at, line in enumerate(lines) if at and _fate(lines[0], line) is None]
    damaged, reasons = list(lines), Counter[str]()
    for at in rng.sample(good, min(number, len(good))):
        reason = rng.choice([*ROW_DAMAGE])
        damaged[at] = ROW_DAMAGE[reason](lines[0].split(","), lines[at].split(","))
        reasons[reason] += 1
    return _expected(
        key, lines, _text(damaged), story=f"{reasons.total()} rows damaged", planted=dict(sorted(reasons.items()))
    )


def _without_a_column(key: str, lines: Lines, _: random.Random) -> Planted:
    shorter = [line.rpartition(",")[0] for line in lines]
    return _refused(key, _text(shorter), "header_has_every_column", story="the last column is missing")


def _cut_off(key: str, lines: Lines, _: random.Random) -> Planted:
    content = gzip.compress(_text(lines), mtime=0)
    return _refused(f"{key}.gz", content[: len(content) // 2], "file_is_complete", story="gzip cut off half-way")


def _as_utf_16(key: str, lines: Lines, _: random.Random) -> Planted:
    return _refused(key, _text(lines).decode().encode("utf-16"), "file_is_utf_8", story="UTF-16")


def _empty(key: str, _lines: Lines, _: random.Random) -> Planted:
    return _refused(key, b"", "file_is_not_empty", story="no bytes at all")


def _mostly_bad(key: str, lines: Lines, _: random.Random) -> Planted:
    header, at = lines[0], lines[0].split(",").index("product_id")
    bad = [header, *(_replaced(line.split(","), at, "") for line in lines[1:])]
    return _refused(key, _text(bad), "quarantined_share_is_within_limit", story="no row has a product")


KINDS = (
    _untouched, _untouched, _untouched, _untouched, _windows, _zipped, _reordered, _sent_twice, _rows_damaged,
    _rows_damaged, _rows_damaged, _without_a_column, _cut_off, _as_utf_16, _empty, _mostly_bad,
)  # fmt: skip


def _replaced(cells: Lines, at: int, value: str) -> str:
    return ",".join([*cells[:at], value, *cells[at + 1 :]])


def _cell(column: str, value: str) -> Callable[[Lines, Lines], str]:
    return lambda header, cells: _replaced(cells, header.index(column), value)


ROW_DAMAGE: dict[str, Callable[[Lines, Lines], str]] = {
    "household_id_is_present": _cell("household_id", "N/A"),
    "product_id_is_present": _cell("product_id", ""),
    "basket_id_is_a_whole_number": _cell("basket_id", "3.15E+10"),
    "quantity_is_a_whole_number": _cell("quantity", "two"),
    "quantity_is_positive": _cell("quantity", "-1"),
    "sales_value_is_a_number": _cell("sales_value", "$2.99"),
    "week_is_between_1_and_53": _cell("week", "54"),
    "transaction_timestamp_is_a_timestamp": _cell("transaction_timestamp", "2017-02-30 10:11:12"),
    "row_has_every_field": lambda _, cells: ",".join(cells[:-2]),
    "row_has_no_extra_field": lambda _, cells: ",".join([*cells, "?"]),
    "row_has_well_formed_quotes": lambda _, cells: _replaced(cells, 3, f'{cells[3]} 5" pipe'),
    "row_has_closed_quotes": lambda _, cells: _replaced(cells, 3, f'"{cells[3]}'),
    "store_id_equals_key": _cell("store_id", "99999"),
}
"""What is done to a row, by the name of the check that must find it."""


def _fate(header: str, line: str) -> str | None:
    """What the contract says of a row as the chain recorded it: None when it is to be published."""
    cells = dict(zip(header.split(","), line.split(","), strict=True))
    value = Decimal(cells["sales_value"]).quantize(CENT, ROUND_HALF_UP)
    if cells["quantity"] == "0":
        return "no_sale" if value == 0 else "quantity_is_positive"
    if Decimal(cells["coupon_match_disc"]) > Decimal(cells["coupon_disc"]):
        return "coupon_match_is_within_the_coupon"
    return None


def _text(lines: Lines) -> bytes:
    return ("\n".join(lines) + "\n").encode()


def _refused(key: str, content: bytes, check: str, *, story: str) -> Planted:
    return Planted(key=key, content=content, story=story, rejected_by=check)


def _expected(
    key: str,
    lines: Lines,
    content: bytes,
    *,
    story: str,
    planted: dict[str, int] | None = None,
    duplicates: int = 0,
) -> Planted:
    """The account of a file: what its own rows come to, and what was planted among its good ones."""
    fates = Counter(_fate(lines[0], line) for line in lines[1:])
    no_sale, good = fates.pop("no_sale", 0), fates.pop(None, 0)
    reasons = Counter({str(reason): rows for reason, rows in fates.items()}) + Counter(planted or {})
    discarded = {"no_sale": no_sale, "duplicate": duplicates}
    return Planted(
        key=key,
        content=content,
        story=story,
        rows_in=len(lines) - 1 + duplicates,
        published=good - sum((planted or {}).values()),
        quarantined=reasons.total(),
        reasons=dict(reasons),
        discarded={name: rows for name, rows in discarded.items() if rows},
    )
