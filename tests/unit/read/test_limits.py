"""How wide, long and large a file may be, and the memory that one at a limit takes."""

import gzip
import subprocess
import sys
from pathlib import Path

import pytest
from backports import zstd

from sluice.read.source import Limits
from tests.unit.reading import rejection, rows

PEAK = """
import resource, sys
from pathlib import Path
from sluice.errors import FileRejected
from sluice.read.csv_reader import Reader
from sluice.read.source import FileSource
from sluice.contract import TextFormat
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
reason = "none"
try:
    for batch in Reader(FileSource(Path(sys.argv[1])), TextFormat()): pass
except FileRejected as rejected:
    reason = rejected.reason
print(reason, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_a_million_columns_are_refused() -> None:
    error = rejection(b",".join(b"c%d" % place for place in range(1_000_000)) + b"\n")
    assert error.reason == "header_has_at_most_2000_columns"
    assert "1,000,000" in error.message


def test_two_thousand_columns_are_read() -> None:
    names = b",".join(b"c%d" % place for place in range(2_000))
    row = b",".join([b'"x, y"', *[b"1"] * 1_998, b""])
    assert rows(names + b"\n" + row + b"\n" + row[:-1] + b"\n") == [("x, y", *["1"] * 1_998, "", 1)]


def test_a_record_beyond_the_limit_refuses_the_file() -> None:
    error = rejection(b"a,b\n" + b"x" * (17 << 20) + b",1\n")
    assert error.reason == "file_has_records_under_16_mib"


def test_a_field_of_a_megabyte_is_a_field() -> None:
    long = "x" * (1 << 20)
    data = f'a,b\n1,{long}\n2,"{long}\n{long}"\n3,y\n'.encode()
    assert rows(data) == [("1", long, 1), ("2", f"{long}\n{long}", 2), ("3", "y", 3)]


@pytest.mark.parametrize("compress", [gzip.compress, zstd.compress])
def test_a_decompression_bomb_is_refused_early(compress: object) -> None:
    bomb = compress(b"a,b\n" + b"1,2\n" * 4_000_000)  # type: ignore[operator]
    error = rejection(bomb, limits=Limits(bomb_bytes=1 << 20))
    assert error.reason == "file_is_not_a_bomb"


def peak_of(path: Path) -> tuple[str, int]:
    """How reading a file ended, and the MiB that it took beyond the interpreter with its packages."""
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(path)],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(Path(__file__).parents[3] / "functions")},
    )
    reason, mib = done.stdout.split()
    return reason, int(mib)


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_a_bomb_of_gigabytes_takes_bounded_memory(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "bomb"
    block = b"1,2\n" * (1 << 20)
    with path.open("wb") as file:
        out = gzip.GzipFile(fileobj=file, mode="wb") if kind == "gzip" else (zstd.ZstdFile(file, "w"))
        with out:
            out.write(b"a,b\n")
            for _ in range(100):
                out.write(block)
    reason, mib = peak_of(path)
    assert reason == "file_is_not_a_bomb"
    assert mib < 300


def test_rows_of_a_megabyte_take_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    with path.open("wb") as file:
        file.write(b"a,b\n")
        for number in range(300):
            file.write(b'%d,"%s"\n' % (number, b"x" * (1 << 20)))
    reason, mib = peak_of(path)
    assert reason == "none"
    assert mib < 300
