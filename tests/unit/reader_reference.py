"""What the reader must do, as one plain state machine over a whole file: slow, and easy to check by eye."""

from dataclasses import dataclass, field

RECORD_BYTES = 16 << 20


@dataclass
class Expected:
    """rows and malformed are keyed by row number; the header is record 0."""

    header: list[str] = field(default_factory=list)
    rows: list[tuple[str, ...]] = field(default_factory=list)
    malformed: list[tuple[int, str, str]] = field(default_factory=list)
    multiline: int = 0
    blank: int = 0
    endings: set[bytes] = field(default_factory=set)


def line_end(data: bytes, at: int) -> int:
    while at < len(data) and data[at : at + 1] not in (b"\r", b"\n"):
        at += 1
    return at


def after_line_end(data: bytes, at: int) -> int:
    return at + 2 if data[at : at + 2] == b"\r\n" else min(at + 1, len(data))


def strict_fields(data: bytes, at: int, delimiter: bytes, quote: bytes) -> tuple[list[bytes] | None, int]:
    """The fields of the record at `at` and its end; or None and where it breaks the rules."""
    fields = []
    while True:
        value = b""
        if data[at : at + 1] == quote:
            at += 1
            while True:
                if at >= len(data):
                    return None, len(data)
                if data[at : at + 2] == quote * 2:
                    value, at = value + quote, at + 2
                elif data[at : at + 1] == quote:
                    at += 1
                    break
                else:
                    value, at = value + data[at : at + 1], at + 1
        else:
            while at < len(data) and data[at : at + 1] not in (delimiter, quote, b"\r", b"\n"):
                value, at = value + data[at : at + 1], at + 1
        fields.append(value)
        if at >= len(data) or data[at : at + 1] in (b"\r", b"\n"):
            return fields, at
        if data[at : at + 1] != delimiter:
            return None, at
        at += 1


def read(
    data: bytes,
    delimiter: str = ",",
    quote: str = '"',
    encoding: str = "utf-8",
    record_bytes: int = RECORD_BYTES,
    fields: int | None = None,
) -> Expected:
    """Read a whole file; with `fields`, one without a header whose records have that many fields."""
    found, at, number = Expected(), 0, 0
    newline = b""  # the header's
    before: tuple[int, bytes, str] | None = None  # a well-formed record just before, with another line end
    if fields is not None:
        number = 1
    elif data.startswith(b"\xef\xbb\xbf") and encoding == "utf-8":
        at = 3
    while at < len(data):
        end = line_end(data, at)
        if end - at > record_bytes:
            raise OverflowError("a record is too long")
        reason, values, multiline = None, None, False
        if data[at:end].strip(b" "):
            values, stop = strict_fields(data, at, delimiter.encode(), quote.encode())
            if values is None:
                reason = "row_has_well_formed_quotes"
                if stop > end or stop == len(data) == end:
                    reason = "row_has_closed_quotes"
            elif stop - at > record_bytes:
                reason = "row_has_closed_quotes"
            else:
                multiline, end = stop > end, stop
        raw, start_of_next = data[at:end], after_line_end(data, end)
        if end < len(data):
            found.endings.add(data[end:start_of_next])
        at = start_of_next
        if values is None and reason is None:
            found.blank += 1
            before = None
            continue
        if number == 0:
            assert reason is None
            assert values is not None
            found.header = [value.decode(encoding).strip() for value in values]
            fields, number = len(values), 1
            newline = data[end:start_of_next]
            continue
        try:
            raw.decode(encoding)
        except UnicodeDecodeError:
            reason = "row_is_" + encoding.replace("-", "_")
        else:
            if b"\0" in raw:
                reason = "row_has_no_nul"
            elif reason is None and values is not None and len(values) < (fields or 0):
                reason = "row_has_every_field"
            elif reason is None and values is not None and len(values) > (fields or 0):
                reason = "row_has_no_extra_field"
        ending = data[end:start_of_next]
        otherwise = bool(newline and ending not in (b"", newline))
        well_formed = not reason
        lone = fields == 1 and before is not None and before[1] == b"\r"
        if before is not None and reason and not lone:
            found.rows.pop()
            found.malformed.append((before[0], before[2], "row_has_quoted_line_ends"))
        if not reason and (lone or (fields == 1 and otherwise and ending == b"\r")):
            reason = "row_has_quoted_line_ends"
        before = (number, ending, raw.decode(encoding, "replace")) if well_formed and otherwise else None
        found.multiline += multiline
        if reason or values is None:
            found.malformed.append((number, raw.decode(encoding, "backslashreplace"), reason or ""))
        else:
            found.rows.append((*(value.decode(encoding) for value in values), number))  # type: ignore[arg-type]
        number += 1
    return found
