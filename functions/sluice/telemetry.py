"""The logger, tracer and metrics of every function; none of them is ever given a row, a cell or an event."""

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

NAMESPACE = "Sluice"

logger = Logger(service="sluice")
# Only botocore is traced: patching everything that X-Ray knows would import it all at every cold start.
tracer = Tracer(service="sluice", patch_modules=["botocore"])


def count(dataset: str, **numbers: float) -> None:
    """Put numbers of one file into CloudWatch under its dataset, as `RowsPublished=120`.

    Units: names that end in Seconds are seconds, in Percent percent, the rest counts.
    """
    sheet = EphemeralMetrics(namespace=NAMESPACE, service="sluice")
    sheet.add_dimension(name="dataset", value=dataset)
    for name, number in numbers.items():
        sheet.add_metric(name=name, unit=_unit(name), value=float(number))
    sheet.flush_metrics()


def _unit(name: str) -> MetricUnit:
    if name.endswith("Seconds"):
        return MetricUnit.Seconds
    return MetricUnit.Percent if name.endswith("Percent") else MetricUnit.Count
