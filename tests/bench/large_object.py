"""Validates a large object straight from S3, as the function Validate does, in little memory.

    python -m tests.bench --only object              5 million rows, about 0.5 GB (20 million, 2.1 GB, with --large)

The object is uploaded in parts to a versioned bucket of the local AWS, and judged by the function's own code in a
process of its own: streamed from S3, never on disk. Beside it, in the same rounds: the same stream read and thrown
away, and `sluice check` of the same file on disk. Then once more under hard limits of the kernel, the lowest first,
until one holds. The limit is RLIMIT_DATA, which needs no rights: it counts all memory that a process may write, also
what it reserves and never touches, and so more than what is resident. The allocator is then told to give back at once
what it holds for later. The local AWS itself has the object in its memory, which is not measured.
"""

import argparse
import os
import resource
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.engines import sales_file
from tests.bench.imports import environment
from tests.bench.measuring import job
from tests.bench.processes import JobFailed, Run, Watch, run

TARGET_BYTES = 512_000_000
LIMITS_MIB = (512, 640, 768, 1024, 1536, 2048)
LEAN = {"_RJEM_MALLOC_CONF": "retain:false,narenas:2,dirty_decay_ms:0,muzzy_decay_ms:0", "MALLOC_ARENA_MAX": "2"}
"""For the limited runs: Polars' allocator, and C's, keep no memory for later. https://jemalloc.net/jemalloc.3.html"""
BUCKET = "bench-raw"
KEY = "sales/S001/2025-03-05.csv"
PART_BYTES = 64 << 20
ROUNDS = 3
LIMIT = "SLUICE_BENCH_DATA_BYTES"


def measure(folder: Path, *, rows: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Validate an object of `rows` generated rows; returns its size, the report, seconds and peaks of every round."""
    from local import LocalAWS

    tell(f"object: generating {rows:,} rows")
    file = sales_file(folder, rows)
    rounds: list[dict[str, Run]] = []
    with LocalAWS() as aws:
        tell("object: uploading")
        version = _upload(aws.client("s3"), file)
        cloud = {**environment(), **aws.env(), "RAW_BUCKET": BUCKET}
        of_s3 = ["-m", "tests.bench.large_object", version, str(file.stat().st_size)]
        for number in range(ROUNDS):
            tell(f"object: round {number + 1} of {ROUNDS}")
            one = {name: run([*of_s3, name], cloud) for name in ("validate", "download")}
            rounds.append({**one, "check_on_disk": job("check", "sales", file, folder / "none")})
        limits = _limited([*of_s3, "validate"], cloud, tell)
    return {**summary(rounds, file_bytes=file.stat().st_size), "limits": limits}


def _limited(arguments: list[str], cloud: dict[str, str], tell: Callable[[str], None]) -> list[dict[str, Any]]:
    """Validate under one limit after the other until one holds; what became of each."""
    told: list[dict[str, Any]] = []
    for mebibytes in LIMITS_MIB:
        tell(f"object: under {mebibytes} MiB of data")
        try:
            done = run(arguments, {**cloud, **LEAN, LIMIT: str(mebibytes << 20)})
        except JobFailed as failed:
            told.append({"mib": mebibytes, "held": False, "ended": str(failed).strip().splitlines()[-1][:200]})
            continue
        told.append({"mib": mebibytes, "held": True, "peak_bytes": done.peak_bytes, "work": round(done.work, 3)})
        break
    return told


def summary(rounds: list[dict[str, Run]], *, file_bytes: int) -> dict[str, Any]:
    """What the rounds came to. Raises ValueError unless each accepted the file and saw the same rows as on disk."""
    judged = [one["validate"].answer for one in rounds]
    on_disk = {one["check_on_disk"].answer["rows"] for one in rounds}
    if {(answer["result"], answer["rows"]) for answer in judged} != {("accepted", rows) for rows in on_disk}:
        raise ValueError(f"validated as {judged}, on disk are {on_disk} rows")
    names = list(rounds[0])
    return {
        "file_bytes": file_bytes,
        "result": judged[0]["result"],
        "rows": judged[0]["rows"],
        "would_quarantine": judged[0]["would_quarantine"],
        "target_bytes": TARGET_BYTES,
        "median_work_seconds": {name: round(median(one[name].work for one in rounds), 3) for name in names},
        "median_cpu_seconds": {name: round(median(one[name].cpu for one in rounds), 3) for name in names},
        "largest_peak_bytes": {name: max(one[name].peak_bytes for one in rounds) for name in names},
    }


def _upload(s3: Any, file: Path) -> str:
    """Put the file into a versioned bucket, a part at a time; returns its version."""
    from boto3.s3.transfer import TransferConfig

    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    parts = TransferConfig(multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, max_concurrency=1)
    s3.upload_file(str(file), BUCKET, KEY, Config=parts)
    return str(s3.head_object(Bucket=BUCKET, Key=KEY)["VersionId"])


def main() -> None:
    if LIMIT in os.environ:
        resource.setrlimit(resource.RLIMIT_DATA, (int(os.environ[LIMIT]),) * 2)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("version")
    parser.add_argument("size", type=int)
    parser.add_argument("job", choices=("validate", "download"))
    given = parser.parse_args()
    _validate(given.version, given.size) if given.job == "validate" else _download(given.version)


def _validate(version: str, size: int) -> None:
    import validate
    from sluice.aws.object_version import ObjectVersion

    source = ObjectVersion(BUCKET, KEY, version, "", size)
    watch = Watch()
    report = validate.INTAKE.validate(source)
    facts = {"result": report.result, "rows": report.rows, "would_quarantine": report.would_quarantine}
    watch.answer(**facts)


def _download(version: str) -> None:
    import boto3

    from sluice.aws.s3 import CLIENT_CONFIG, S3Source

    file = S3Source(boto3.client("s3", config=CLIENT_CONFIG), BUCKET, KEY, version)
    watch = Watch()
    size = 0
    with file.open() as stream:
        while block := stream.read(1 << 20):
            size += len(block)
    watch.answer(bytes=size)


if __name__ == "__main__":
    main()
