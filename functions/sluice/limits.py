"""The bounds that keep any file, however damaged or hostile, within a known memory."""

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes unless named otherwise.

    A bomb is a file whose text is more than `bomb_ratio` times its compressed size once it is past
    `bomb_bytes` (gzip cannot exceed about 1,030 times; real CSV files stay below 50 times).
    Once `large_from` records of a text file have been read, if it is given, its batches have twice as many.
    """

    record_bytes: int = 16 * MIB
    columns: int = 2_000
    bomb_ratio: int = 250
    bomb_bytes: int = 256 * MIB
    batch_bytes: int = 32 * MIB
    head_bytes: int = 64 << 10
    read_bytes: int = 1 * MIB
    split_bytes: int = 64 * MIB
    large_from: int | None = None
