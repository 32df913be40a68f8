"""The splits of a file, and how a task reads one."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from sluice.aws.s3 import S3Source
from sluice.contract.model import Contract
from sluice.engines.spark.files import s3
from sluice.read.csv_reader import BATCH_ROWS, read_split
from sluice.read.open import open_reader
from sluice.read.source import FileSource, RawBatch, Source


class Original(Protocol):
    """An uploaded file, readable from any byte. Can be pickled."""

    def source(self) -> Source:
        """Return the whole file."""

    def open_range(self, start: int, length: int) -> BinaryIO:
        """Return a stream of the bytes from `start`; it may go on after `length` bytes."""


@dataclass(frozen=True)
class LocalOriginal:
    """A file that all tasks reach by the same path."""

    path: str

    def source(self) -> Source:
        return FileSource(Path(self.path))

    def open_range(self, start: int, length: int) -> BinaryIO:
        stream = Path(self.path).open("rb")  # noqa: SIM115 the reader closes it
        stream.seek(start)
        return stream


@dataclass(frozen=True)
class S3Original:
    """One version of an object."""

    bucket: str
    key: str
    version_id: str

    def source(self) -> Source:
        return S3Source(s3(), self.bucket, self.key, self.version_id)

    def open_range(self, start: int, length: int) -> BinaryIO:
        """Fetch the whole range at once: when a connection breaks, Spark repeats the task."""
        version = {"Bucket": self.bucket, "Key": self.key, "VersionId": self.version_id}
        answer = s3().get_object(**version, Range=f"bytes={start}-{start + length - 1}")
        if not answer.get("ContentRange", "").startswith(f"bytes {start}-{start + length - 1}/"):
            # A store without ranges answers with the whole object; its rows would get wrong numbers.
            raise OSError(f"s3://{self.bucket}/{self.key}: asked for {length} bytes from {start}, got others")
        return io.BytesIO(answer["Body"].read())


@dataclass(frozen=True)
class Split:
    """Bytes of a file that hold whole records; the first has row number `first_row`.

    length: None for a whole file, which its reader opens from the start, header and all.
    header_ending: the line end of the file's header, as in its Facts.
    """

    start: int
    length: int | None
    first_row: int
    header_ending: str = "none"


def splits_of(facts: Mapping[str, Any]) -> list[Split]:
    """Return the splits of a file. facts: its read.source.Facts as a dict, as in the validation report."""
    starts: list[tuple[int, int]] = [(start, row) for start, row in facts["splits"]]
    if not starts:
        return [Split(0, None, 1)]
    ends = [start for start, _ in starts[1:]] + [facts["bytes_in"]]
    ending = facts.get("header_ending", "none")
    return [Split(start, end - start, row, ending) for (start, row), end in zip(starts, ends, strict=True)]


def batches(original: Original, split: Split, header: list[str], contract: Contract) -> Iterator[RawBatch]:
    """Yield the records of a split, numbered as in the whole file. Raises FileRejected."""
    if split.length is None:
        yield from open_reader(contract, original.source(), BATCH_ROWS)
    else:
        stream = original.open_range(split.start, split.length)
        yield from read_split(
            stream,
            split.length,
            header,
            contract.reading.format,
            split.first_row,
            BATCH_ROWS,
            header_ending=split.header_ending,
        )
