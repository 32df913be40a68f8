"""What AWS would bill for the counted calls, by the list prices of sluice.prices."""

from typing import Any

from sluice.prices import (
    ATHENA_TERABYTE,
    CRAWL_DPU_HOUR,
    DYNAMODB_READ,
    DYNAMODB_WRITE,
    LAMBDA_GB_SECOND,
    LAMBDA_REQUEST,
    S3_READ,
    S3_WRITE,
    SPARK_DPU_HOUR,
    STATE_TRANSITION,
)

CRAWL_DPUS = 2  # as in the examples of Glue's prices
CRAWL = CRAWL_DPU_HOUR * CRAWL_DPUS * 10 / 60  # a crawl bills ten minutes at least
JOB_DPUS = 2  # the least of a job: one worker drives, one works
JOB_SECONDS = 60.0  # the least that is billed; starting is not
WORKER_CORES = 4  # of a G.1X worker, which is one DPU
SLOWER, BUSY = 1.5, 0.75
"""Assumed: a second of a core here is 1.5 of one on Glue that reads and writes S3, three quarters of the time used."""
ATHENA_QUERY = ATHENA_TERABYTE / 1e6 * 10  # ten megabytes at least
_READS = ("Get", "Head", "Describe", "BatchGet", "Query", "Scan")


def of(figures: dict[str, Any]) -> dict[str, float]:
    """Return dollars by service; free tiers, storage and KMS are left out."""
    requests = figures["requests"]

    def calls(service: str, *, reads: bool) -> int:
        names = {name: count for name, count in requests.items() if name.lower().startswith(f"{service}:")}
        return sum(count for name, count in names.items() if name.split(":")[1].startswith(_READS) == reads)

    found = {
        "lambda": figures["lambda"]["gb_seconds"] * LAMBDA_GB_SECOND + figures["lambda"]["calls"] * LAMBDA_REQUEST,
        "states": figures["state_transitions"] * STATE_TRANSITION,
        "s3": calls("s3", reads=False) * S3_WRITE + calls("s3", reads=True) * S3_READ,
        "dynamodb": calls("dynamodb", reads=False) * DYNAMODB_WRITE + calls("dynamodb", reads=True) * DYNAMODB_READ,
        "crawls": figures["crawls"] * CRAWL,
        "athena": requests.get("athena:StartQueryExecution", 0) * ATHENA_QUERY,
    }
    return {**found, "all": sum(found.values()), "of_1000_files": sum(found.values()) / figures["files"] * 1_000}


def job(core_seconds: float) -> float:
    """Dollars of a Glue job on the fewest workers that does what took so many seconds of a core here."""
    seconds = core_seconds * SLOWER / BUSY / (WORKER_CORES * (JOB_DPUS - 1))
    return SPARK_DPU_HOUR / 3_600 * JOB_DPUS * max(JOB_SECONDS, seconds)


def of_a_gigabyte(figures: dict[str, Any], file_bytes: int, core_seconds: float = 0.0) -> dict[str, float]:
    """Dollars by service for 1 GB (10^9 bytes) of text, from the figures of one file that opened no partition.

    core_seconds: those of its Glue job. Without one the gigabyte comes as several such files, with one as one file:
    then what does not grow with bytes, like states and requests, is billed once.
    """
    times = 1e9 / file_bytes
    dollars = {name: value for name, value in of(figures).items() if name not in ("all", "of_1000_files")}
    found = {name: value * (times if name == "lambda" or not core_seconds else 1) for name, value in dollars.items()}
    found["job"] = job(core_seconds * times) if core_seconds else 0.0
    return {**found, "all": sum(found.values())}


def always_glue(core_seconds_a_gigabyte: float) -> dict[str, float]:
    """What it costs where each file starts a Glue job and a crawl: 1,000 small files, and one of 1 GB."""
    small, large = job(0) + CRAWL, job(core_seconds_a_gigabyte) + CRAWL
    return {"job": job(0), "crawl": CRAWL, "of_1000_files": 1_000 * small, "of_a_gigabyte": large}
