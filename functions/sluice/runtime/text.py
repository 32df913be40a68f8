"""Text of others: what surrounds a cell or a name without being seen, and names of files made safe to show."""

import re

_SPACES = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
_WIDE_SPACES = "\u2028\u2029\u202f\u205f\u3000\u2800\u3164\uffa0"
_FORMATS = (
    "\xad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062\u2063\u2064"
    "\u2066\u2067\u2068\u2069\u206a\u206b\u206c\u206d\u206e\u206f\ufeff"
)
INVISIBLE = _SPACES + _WIDE_SPACES + _FORMATS
"""What is trimmed from the ends of cells and names: Unicode's white space, the blanks that are no white space (Braille,
Hangul), and format characters that show nothing: zero-width and direction characters, the byte order mark (Unicode 16,
property White_Space and category Cf, without the visible ones and the tags, which end some flags)."""
FORMULA = re.compile(r"'*[=+\-@\t\r]")
"""How a cell begins that a spreadsheet runs as a formula, or of which it takes an apostrophe away."""
_NUMBER = re.compile(r"[+-]?[0-9.,]+")


def trimmed(text: str) -> str:
    """Return the text without invisible characters at its ends."""
    return text.strip(INVISIBLE)


def printable(text: str, keep: str = "") -> str:
    r"""Return the text without characters that shape the text around it: control and direction characters, and every
    blank but the space, become `\uXXXX`. keep: characters that stay."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in keep else f"\\u{ord(char):04x}" for char in text)


def quoted(cell: str) -> str:
    """Return a cell with an apostrophe before it where a spreadsheet would run it, or take its apostrophe away.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    return f"'{cell}" if FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell
