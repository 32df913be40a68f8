"""What the reader makes of bytes in memory: rows, malformed rows, or the rejection of the file."""

import io
from dataclasses import dataclass

import pytest

from sluice.contract.declarations import TextFormat
from sluice.errors import FileRejected
from sluice.read.csv_reader import Reader
from sluice.read.source import Limits, RawBatch


@dataclass(frozen=True)
class Bytes:
    """A source in memory whose reads give `step` bytes at most."""

    data: bytes
    step: int = 1 << 20
    name: str = "bytes"

    def open(self) -> io.BytesIO:
        stream, step = io.BytesIO(self.data), self.step

        class Slow(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                return stream.read(min(size if size is not None and size >= 0 else step, step))

        return Slow()


def read(
    data: bytes, encoding: str = "utf-8", delimiter: str = ",", limits: Limits | None = None
) -> tuple[Reader, list[RawBatch]]:
    reader = Reader(Bytes(data), TextFormat(delimiter=delimiter, encoding=encoding), limits=limits)
    return reader, list(reader)


def rows(data: bytes, encoding: str = "utf-8", delimiter: str = ",") -> list[tuple[object, ...]]:
    return [row for batch in read(data, encoding, delimiter)[1] for row in batch.rows.rows()]


def malformed(data: bytes, encoding: str = "utf-8") -> list[tuple[object, ...]]:
    return [row for batch in read(data, encoding)[1] for row in batch.malformed.rows()]


def rejection(data: bytes, encoding: str = "utf-8", limits: Limits | None = None) -> FileRejected:
    with pytest.raises(FileRejected) as caught:
        read(data, encoding, limits=limits)
    return caught.value
