"""Cells on their way through a spreadsheet: what it would run as a formula is quoted, and its encodings are read."""

import re
from pathlib import Path

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?[0-9.,]+")
_BLOCK = 1 << 20


def quoted(cell: str) -> str:
    """Return a cell with an apostrophe before it where a spreadsheet would run it, or take its apostrophe away.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def unquoted(cell: str) -> str:
    """Return what `quoted` was given, with or without the apostrophe: a spreadsheet may keep it or not."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell[1:]) else cell


def encoding_of(path: Path) -> str:
    """Return the encoding of a CSV that a spreadsheet saved: UTF-16 by its mark, UTF-8, else Windows' cp1252."""
    with path.open("rb") as file:
        if file.read(2) in (b"\xff\xfe", b"\xfe\xff"):
            return "utf-16"
    try:
        with path.open(encoding="utf-8") as text:
            while text.read(_BLOCK):
                pass
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"
