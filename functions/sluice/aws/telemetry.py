"""The logger, tracer and metrics of every function. None of them may get a row, a cell or an event.

Their service is the stack (POWERTOOLS_SERVICE_NAME), which separates two stacks of one account.
"""

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

# The functions take LambdaContext from here, so that sluice sets the garbage collector before Powertools is imported.
__all__ = ["LambdaContext", "count", "count_for_alarms", "logger", "tracer"]

NAMESPACE = "Sluice"

logger = Logger()
# Without patching, which would import botocore also where no service is called: sluice.aws.clients traces the calls.
tracer = Tracer(auto_patch=False)


def count(dataset: str, **numbers: float) -> None:
    """Put numbers of one file into CloudWatch under its dataset, as `RowsPublished=120`.

    Units: names that end in Seconds are seconds, in Percent percent, the rest counts.
    """
    _put({"dataset": dataset}, numbers)


def count_for_alarms(**numbers: float) -> None:
    """Put numbers of the whole stack into CloudWatch: an alarm cannot watch datasets that it does not know yet."""
    _put({}, numbers)


def _put(dimensions: dict[str, str], numbers: dict[str, float]) -> None:
    sheet = EphemeralMetrics(namespace=NAMESPACE)
    for name, value in dimensions.items():
        sheet.add_dimension(name=name, value=value)
    for name, number in numbers.items():
        sheet.add_metric(name=name, unit=_unit(name), value=float(number))
    sheet.flush_metrics()


def _unit(name: str) -> MetricUnit:
    if name.endswith("Seconds"):
        return MetricUnit.Seconds
    return MetricUnit.Percent if name.endswith("Percent") else MetricUnit.Count
