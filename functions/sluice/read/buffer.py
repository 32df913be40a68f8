"""Decompressed text of a file that was read but not yet consumed."""

from sluice.read.compression import TextStream


class TextBuffer:
    """Text from where a record starts; `len` tells how many bytes of it are held.

    Its memory serves again and again: for fresh memory the system takes longer than to copy into it.
    Raises FileRejected as TextStream does.
    """

    def __init__(self, text: TextStream) -> None:
        self._text = text
        self._memory = bytearray()
        self._view = memoryview(self._memory)
        self._size = 0
        self.final = False
        """Nothing follows what is held."""

    def __len__(self) -> int:
        return self._size

    def fill(self, size: int) -> None:
        """Hold `size` bytes, or all that are left."""
        while self._size < size and not self.final:
            block = self._text.read()
            self.final = not block
            end = self._size + len(block)
            if end > len(self._memory):
                self._grow(max(end, 2 * size))
            self._view[self._size : end] = block
            self._size = end

    def _grow(self, size: int) -> None:
        memory = bytearray(size)
        view = memoryview(memory)
        view[: self._size] = self._view[: self._size]
        self._memory, self._view = memory, view

    def all(self) -> bytes:
        """Return what is held."""
        return self.first(self._size)

    def first(self, size: int) -> bytes:
        """Return the first bytes of what is held."""
        return bytes(self._view[: min(size, self._size)])

    def lines(self, size: int) -> bytes:
        """Return the lines that end within `size` bytes; all that is held, if it is no more or none ends there."""
        end = self._memory.rfind(b"\n", 0, size) + 1 if size < self._size else 0
        return self.first(end) if end else self.all()

    def take(self, size: int) -> None:
        """Forget the first bytes."""
        left = self._size - size
        self._view[:left] = self._view[size : self._size]
        self._size = left
