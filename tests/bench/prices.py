"""What AWS would bill for the counted calls, by the list prices of us-east-1 as written down in November 2026."""

from typing import Any

LAMBDA_GB_SECOND = 0.0000166667  # https://aws.amazon.com/lambda/pricing/
LAMBDA_REQUEST = 0.20 / 1e6
STATE_TRANSITION = 25 / 1e6  # standard workflows: https://aws.amazon.com/step-functions/pricing/
S3_WRITE = 0.005 / 1_000  # PUT, COPY, POST, LIST: https://aws.amazon.com/s3/pricing/
S3_READ = 0.0004 / 1_000
DYNAMODB_WRITE = 0.625 / 1e6  # on demand, items up to 1 KB: https://aws.amazon.com/dynamodb/pricing/on-demand/
DYNAMODB_READ = 0.125 / 1e6
DPU_HOUR = 0.44  # by the second: https://aws.amazon.com/glue/pricing/
CRAWL_DPUS = 2  # as in the examples of Glue's prices
CRAWL = DPU_HOUR * CRAWL_DPUS * 10 / 60  # a crawl bills ten minutes at least
JOB_DPUS = 2  # the least of a job: one worker drives, one works
JOB_SECONDS = 60.0  # the least that is billed; starting is not
WORKER_CORES = 4  # of a G.1X worker, which is one DPU
SLOWER, BUSY = 1.5, 0.75
"""Assumed: a second of a core here is 1.5 of one on Glue that reads and writes S3, three quarters of the time used."""
ATHENA_QUERY = 5 / 1e6 * 10  # ten megabytes at least, of 5 dollars a terabyte
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
    return DPU_HOUR / 3_600 * JOB_DPUS * max(JOB_SECONDS, seconds)


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
