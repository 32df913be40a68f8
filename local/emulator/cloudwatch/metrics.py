"""CloudWatch extracts the metrics that functions print (EMF), for alarms too; MiniStack does not read them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
from collections.abc import Iterator
from typing import Any

from ministack.services import cloudwatch, lambda_svc

Document = dict[str, Any]


def documents(log: str) -> Iterator[Document]:
    """The lines of a log that are metric documents."""
    for line in log.splitlines():
        if line.startswith("{") and '"_aws"' in line:
            try:
                document = json.loads(line)
            except ValueError:
                continue
            if "CloudWatchMetrics" in document.get("_aws", {}):
                yield document


def data_of(document: Document) -> Iterator[tuple[str, Document]]:
    """The namespaces and the metric data of a document: one for each metric and each set of dimensions."""
    for directive in document["_aws"]["CloudWatchMetrics"]:
        for names in directive.get("Dimensions") or [[]]:
            dimensions = [{"Name": name, "Value": str(document[name])} for name in names]
            for metric in directive["Metrics"]:
                value = document[metric["Name"]]
                values = value if isinstance(value, list) else [value]
                datum = {"MetricName": metric["Name"], "Dimensions": dimensions, "Values": values}
                yield directive["Namespace"], datum | {"Unit": metric.get("Unit", "None")}


def patch() -> None:
    emit = lambda_svc._emit_lambda_logs

    def emit_with_metrics(function: Any, request_id: str, log: str, *args: Any, **kwargs: Any) -> None:
        emit(function, request_id, log, *args, **kwargs)
        for document in documents(log):
            for namespace, datum in data_of(document):
                cloudwatch._put_metric_data({}, {"Namespace": namespace, "MetricData": [datum]}, False, True)

    lambda_svc._emit_lambda_logs = emit_with_metrics
