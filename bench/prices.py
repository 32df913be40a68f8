"""What AWS would bill for the counted calls, by the list prices of us-east-1."""

from typing import Any

LAMBDA_GB_SECOND = 0.0000166667  # https://aws.amazon.com/lambda/pricing/
LAMBDA_REQUEST = 0.20 / 1e6
STATE_TRANSITION = 25 / 1e6  # standard workflows: https://aws.amazon.com/step-functions/pricing/
S3_WRITE = 0.005 / 1_000  # PUT, COPY, POST, LIST: https://aws.amazon.com/s3/pricing/
S3_READ = 0.0004 / 1_000
DYNAMODB_WRITE = 0.625 / 1e6  # on demand, items up to 1 KB: https://aws.amazon.com/dynamodb/pricing/on-demand/
DYNAMODB_READ = 0.125 / 1e6
DPU_HOUR = 0.44  # https://aws.amazon.com/glue/pricing/
CRAWL = DPU_HOUR * 10 / 60  # a crawl bills ten minutes at least
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


def always_glue() -> dict[str, float]:
    """What 1,000 files cost where each starts a Glue job of two workers (a minute at least) and a crawl."""
    job = DPU_HOUR * 2 / 60
    return {"job": job, "crawl": CRAWL, "of_1000_files": 1_000 * (job + CRAWL)}
