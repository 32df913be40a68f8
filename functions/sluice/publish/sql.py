"""Names and texts as Athena's SQL writes them."""

import re

_NAME = re.compile(r"[a-z_][a-z0-9_]*")


def identifier(name: str) -> str:
    """Return a name in double quotes: some are words of SQL. Raises ValueError for one that is no plain identifier."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no plain identifier")
    return f'"{name}"'


def literal(text: str) -> str:
    """Return a text in single quotes, those in it doubled; Athena's parameters are literals, too."""
    return "'" + text.replace("'", "''") + "'"
