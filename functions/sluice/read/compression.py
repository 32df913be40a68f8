"""Detects compression by the first bytes and decompresses in bounded steps."""

import zlib
from typing import BinaryIO

from backports import zstd

from sluice.errors import FileRejected
from sluice.read.source import Limits

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
ZSTD_SKIPPABLE_MAGIC = tuple(bytes([nibble, 0x2A, 0x4D, 0x18]) for nibble in range(0x50, 0x60))

ZSTD_WINDOW = {int(zstd.DecompressionParameter.window_log_max): 27}


class GzipMember:
    """A gzip member, decompressed at most `step` bytes at a time; `pending` is the input that remains."""

    def __init__(self, step: int) -> None:
        self._step = step
        self._inflater = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._inflater.eof

    @property
    def pending(self) -> bytes:
        return self._inflater.unused_data if self.eof else self._inflater.unconsumed_tail

    def decompress(self, data: bytes) -> bytes:
        return self._inflater.decompress(data, self._step)


class ZstdFrame:
    """A zstd frame, decompressed at most `step` bytes at a time; `pending` is the input that remains. It takes no more
    input before it has returned all output, or a bomb's input would pile up in it."""

    def __init__(self, step: int) -> None:
        self._step = step
        self._inflater = zstd.ZstdDecompressor(options=ZSTD_WINDOW)
        self._rest = b""

    @property
    def eof(self) -> bool:
        return self._inflater.eof

    @property
    def pending(self) -> bytes:
        return self._inflater.unused_data + self._rest if self.eof else self._rest

    def decompress(self, data: bytes) -> bytes:
        taken, self._rest = (data, b"") if self._inflater.needs_input else (b"", data)
        return self._inflater.decompress(taken, self._step)


class TextStream:
    """The decompressed bytes of a stream.

    `compression` is "none", "gzip" (any number of members) or "zstd" (any number of frames);
    `stored`: it is not compressed, whatever its first bytes. `bytes_in` were read, `bytes_out` returned.
    Raises FileRejected: file_is_complete, file_is_not_a_bomb.
    """

    def __init__(self, stream: BinaryIO, limits: Limits, stored: bool = False) -> None:
        self._stream = stream
        self._limits = limits
        self._pending = b"" if stored else _read_exactly(stream, 4)
        self.compression = _compression(self._pending)
        self.bytes_in = len(self._pending)
        self.bytes_out = 0
        self._member: GzipMember | ZstdFrame | None = None

    def read(self) -> bytes:
        """The next block, of no certain size; b"" only at the end."""
        block = self._stored() if self.compression == "none" else self._inflated()
        self.bytes_out += len(block)
        return block

    def _stored(self) -> bytes:
        block, self._pending = self._pending, b""
        return block or self._fetch()

    def _fetch(self) -> bytes:
        block = self._stream.read(self._limits.read_bytes)
        self.bytes_in += len(block)
        return block

    def _inflated(self) -> bytes:
        while True:
            if not self._pending:
                self._pending = self._fetch()
            member = self._member = self._member or self._next_member()
            if member is None:
                return b""
            # At the end of the file zlib may still hold output that the last step's limit kept back.
            at_end = not self._pending
            if block := self._step(member):
                return block
            if at_end and self._member is not None:
                raise self._incomplete("ends before its compressed data is complete (a truncated upload?)")

    def _next_member(self) -> "GzipMember | ZstdFrame | None":
        if self.compression == "gzip" and self.bytes_out:
            # Zero padding after the last member is legal (tar and tapes write it).
            while self._pending and not self._pending.strip(b"\0"):
                self._pending = self._fetch()
        if not self._pending:
            return None
        return (GzipMember if self.compression == "gzip" else ZstdFrame)(self._limits.read_bytes)

    def _step(self, member: "GzipMember | ZstdFrame") -> bytes:
        try:
            block = member.decompress(self._pending)
        except (zlib.error, zstd.ZstdError) as error:
            raise self._incomplete(f"is damaged ({error})") from error
        self._pending = member.pending
        if member.eof:
            self._member = None
        self._refuse_bomb(len(block))
        return block

    def _refuse_bomb(self, more: int) -> None:
        size = self.bytes_out + more
        if size > self._limits.bomb_bytes and size > self._limits.bomb_ratio * self.bytes_in:
            raise FileRejected(
                "file_is_not_a_bomb",
                f"the first {self.bytes_in:,} bytes of the {self.compression} file give {size:,} bytes of "
                f"text, more than {self._limits.bomb_ratio} times as much; reading stopped there. "
                "If the data really repeats itself so, send it in smaller files.",
            )

    def _incomplete(self, what: str) -> FileRejected:
        return FileRejected(
            "file_is_complete",
            f"the {self.compression} file {what} after {self.bytes_out:,} bytes of text; send it again.",
        )


def _compression(magic: bytes) -> str:
    if magic.startswith(GZIP_MAGIC):
        return "gzip"
    return "zstd" if magic == ZSTD_MAGIC or magic in ZSTD_SKIPPABLE_MAGIC else "none"


def _read_exactly(stream: BinaryIO, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := stream.read(size - len(data))):
        data += more
    return data
