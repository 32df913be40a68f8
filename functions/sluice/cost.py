"""Estimates what cleaning one file costs, from the seconds in its manifest."""

LAMBDA_USD_PER_GB_SECOND = 0.0000166667
"""On demand, x86_64, us-east-1. https://aws.amazon.com/lambda/pricing/"""
GLUE_USD_PER_DPU_HOUR = 0.44
"""Spark jobs, us-east-1. https://aws.amazon.com/glue/pricing/"""


def cleaning_usd(engine: str, seconds: float, *, lambda_memory_mb: int, glue_dpus: float) -> float:
    """Return US dollars, rounded to a ten-millionth: an estimate that leaves out requests, storage and crawls."""
    if engine == "spark":
        return round(seconds / 3600 * glue_dpus * GLUE_USD_PER_DPU_HOUR, 7)
    return round(seconds * lambda_memory_mb / 1024 * LAMBDA_USD_PER_GB_SECOND, 7)
