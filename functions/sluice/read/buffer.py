"""Decompressed text of a file that was read but not yet consumed."""

from sluice.read.compression import TextStream
from sluice.read.escapes import UnescapedText


class TextBuffer:
    """Text from where a record starts; `len` is the number of bytes held. Raises FileRejected as TextStream does."""

    def __init__(self, text: TextStream | UnescapedText) -> None:
        self._text = text
        self._held = b""
        self.final = False
        """Nothing follows what is held."""

    def __len__(self) -> int:
        return len(self._held)

    def fill(self, size: int) -> None:
        """Hold `size` bytes, or all that remain."""
        blocks, length = [self._held], len(self._held)
        while length < size and not self.final:
            block = self._text.read()
            self.final = not block
            blocks.append(block)
            length += len(block)
        self._held = b"".join(blocks)

    def all(self) -> bytes:
        """Return what is held."""
        return self._held

    def first(self, size: int) -> bytes:
        """Return the first bytes of what is held."""
        return self._held[:size]

    def lines(self, size: int) -> bytes:
        """Return the lines that end within `size` bytes, or all that is held when none does or it is no more."""
        end = self._held.rfind(b"\n", 0, size) + 1 if size < len(self._held) else 0
        return self._held[:end] if end else self._held

    def take(self, size: int) -> None:
        """Drop the first bytes."""
        self._held = self._held[size:]
