"""Cells on their way back from a spreadsheet: apostrophes before formulas are taken off, its encodings are read."""

from pathlib import Path

from sluice.runtime.text import FORMULA

_BLOCK = 1 << 20


def unquoted(cell: str) -> str:
    """Return what `quoted` (sluice.runtime.text) was given: a spreadsheet may keep its apostrophe or not."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell[1:]) else cell


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
