"""The logger, tracer and metrics of every function. None of them may get a row, a cell or an event.

Their service is the stack (POWERTOOLS_SERVICE_NAME), which separates two stacks of one account.
"""

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

# The functions take LambdaContext from here, so that sluice sets the garbage collector before Powertools is imported.
__all__ = ["LambdaContext", "count", "logger", "tracer"]

NAMESPACE = "Sluice"

logger = Logger()
# Without patching, which would import botocore also where no service is called: sluice.aws.clients traces the calls.
tracer = Tracer(auto_patch=False)


def count(fields: Mapping[str, Any] | None = None, **numbers: float) -> None:
    """Put numbers of the stack into CloudWatch, as `RowsPublished=120`.

    fields: for queries of the logs, such as the dataset. As a dimension each value would make a metric that AWS bills.
    Units: names that end in Seconds are seconds, the rest counts.
    """
    sheet = EphemeralMetrics(namespace=NAMESPACE)
    for name, value in (fields or {}).items():
        sheet.add_metadata(key=name, value=value)
    for name, number in numbers.items():
        unit = MetricUnit.Seconds if name.endswith("Seconds") else MetricUnit.Count
        sheet.add_metric(name=name, unit=unit, value=float(number))
    sheet.flush_metrics()
