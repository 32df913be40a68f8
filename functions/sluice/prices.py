"""List prices of AWS that estimates are made of: US dollars in us-east-1, on demand, without free tiers.

Looked up in November 2026. Glue 6.0 bills Spark jobs less than earlier versions do; crawls cost what they always did.
"""

LAMBDA_GB_SECOND = 0.0000166667  # x86_64: https://aws.amazon.com/lambda/pricing/
LAMBDA_REQUEST = 0.20 / 1e6
SPARK_DPU_HOUR = (
    0.308  # Glue 6.0 since August 2026, by the second, a minute at least: https://aws.amazon.com/glue/pricing/
)
CRAWL_DPU_HOUR = 0.44  # by the second, ten minutes at least
STATE_TRANSITION = 25 / 1e6  # standard workflows: https://aws.amazon.com/step-functions/pricing/
S3_WRITE = 0.005 / 1_000  # PUT, COPY, POST, LIST: https://aws.amazon.com/s3/pricing/
S3_READ = 0.0004 / 1_000
DYNAMODB_WRITE = 0.625 / 1e6  # items up to 1 KB: https://aws.amazon.com/dynamodb/pricing/on-demand/
DYNAMODB_READ = 0.125 / 1e6
ATHENA_TERABYTE = 5.0  # ten megabytes a query at least: https://aws.amazon.com/athena/pricing/
METRIC_MONTH = 0.30  # a custom metric; an account has ten free: https://aws.amazon.com/cloudwatch/pricing/
ALARM_MONTH = 0.10  # an account has ten free
DASHBOARD_MONTH = 3.0  # an account has three free
KEY_MONTH = 1.0  # https://aws.amazon.com/kms/pricing/
SECRET_MONTH = 0.40  # https://aws.amazon.com/secrets-manager/pricing/


def cleaning_usd(engine: str, seconds: float, *, lambda_memory_mb: int, glue_dpus: float) -> float:
    """Return US dollars, rounded to a ten-millionth: an estimate that leaves out requests, storage and crawls."""
    if engine == "spark":
        return round(seconds / 3600 * glue_dpus * SPARK_DPU_HOUR, 7)
    return round(seconds * lambda_memory_mb / 1024 * LAMBDA_GB_SECOND, 7)
