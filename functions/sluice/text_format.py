"""How a dataset's text is written: what the reader must know before the first byte."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TextFormat:
    """Delimiter and quote are one ASCII character each; encoding is UTF-8 or a single-byte Python codec."""

    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
