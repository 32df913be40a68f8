"""Text in which an escape character stands before quotes, as text in which quotes are doubled."""

import re

from sluice.contract.declarations import TextFormat
from sluice.read.compression import TextStream


class UnescapedText:
    """The blocks of a text stream, an escaped quote as two quotes and an escaped escape as one; another character
    after the escape stays as it is, with it. So bytes are no longer at the offsets of the file."""

    def __init__(self, text: TextStream, text_format: TextFormat) -> None:
        self._text = text
        self._escape, quote = (text_format.escape or "").encode(), text_format.quote.encode()
        self._written = {self._escape + quote: quote * 2, self._escape * 2: self._escape}
        self._pair = re.compile(re.escape(self._escape) + b"(?s:.)")
        self._held = b""
        self.compression = text.compression

    @property
    def bytes_in(self) -> int:
        return self._text.bytes_in

    @property
    def bytes_out(self) -> int:
        return self._text.bytes_out

    def read(self) -> bytes:
        """The next block; b"" only at the end. Raises FileRejected as the stream does."""
        while True:
            block = self._text.read()
            text, final = self._held + block, not block
            alone = self._pair.sub(b"", text).endswith(self._escape) and not final
            self._held = self._escape if alone else b""
            if final or len(text) > len(self._held):
                text = text.removesuffix(self._escape) if alone else text
                return self._pair.sub(lambda found: self._written.get(found.group(), found.group()), text)
