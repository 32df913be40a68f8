"""CloudFormation converts a parameter to the type of the property; MiniStack passes every parameter on as text."""

from collections.abc import Callable
from typing import Any

from ministack.services.cloudformation import provisioners

NUMBERS = {
    "AWS::Athena::WorkGroup": {"BytesScannedCutoffPerQuery"},
    "AWS::CloudWatch::Alarm": {"EvaluationPeriods", "Period", "Threshold"},
    "AWS::Glue::Job": {"MaxConcurrentRuns", "MaxRetries", "NumberOfWorkers", "Timeout"},
    "AWS::Kinesis::Stream": {"RetentionPeriodHours", "ShardCount"},
    "AWS::Lambda::EventSourceMapping": {
        "BatchSize",
        "MaximumBatchingWindowInSeconds",
        "MaximumConcurrency",
        "ParallelizationFactor",
        "TumblingWindowInSeconds",
    },
    "AWS::Lambda::Function": {"MemorySize", "Size", "Timeout"},
    "AWS::Logs::LogGroup": {"RetentionInDays"},
    "AWS::S3::Bucket": {"ExpirationInDays", "NoncurrentDays", "TransitionInDays"},
}
"""Properties that are numbers, by resource type, at whatever depth (the CloudFormation reference)."""

Provisioner = Callable[..., Any]


def with_numbers(value: Any, names: set[str]) -> Any:
    """`value` where texts under the keys `names` are numbers."""
    if isinstance(value, list):
        return [with_numbers(entry, names) for entry in value]
    if not isinstance(value, dict):
        return value
    return {
        key: number(entry) if key in names and isinstance(entry, str) else with_numbers(entry, names)
        for key, entry in value.items()
    }


def number(text: str) -> int | float | str:
    """A whole number as int, any other as float; other texts unchanged, for the resource to refuse."""
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return text


def converting(provision: Provisioner, names: set[str]) -> Provisioner:
    def provisioned(*arguments: Any, **named: Any) -> Any:
        return provision(*(with_numbers(argument, names) for argument in arguments), **named)

    return provisioned


def patch() -> None:
    for kind, names in NUMBERS.items():
        handlers = provisioners._RESOURCE_HANDLERS[kind]
        provisioners._RESOURCE_HANDLERS[kind] = handlers | {
            action: converting(handlers[action], names) for action in ("create", "update") if action in handlers
        }
