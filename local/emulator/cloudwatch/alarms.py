"""CloudWatch evaluates each alarm again and again: its own dimensions, its periods, M of N datapoints, missing data.

MiniStack evaluates an alarm only when metric data arrive, over all dimensions of the metric. The depth of a queue that
an alarm watches is measured here too. Periods are scaled like the waits of Step Functions (SFN_WAIT_SCALE).
"""

import logging
import operator
import os
import threading
import time
from collections.abc import Sequence
from typing import Any

from ministack.core.responses import _request_account_id, _request_region
from ministack.services import cloudwatch, sqs

SCALE = float(os.environ.get("SFN_WAIT_SCALE", "1"))
SHORTEST_PERIOD_SECONDS = 4.0  # long enough for a test that polls to see the alarm
LOOKS_A_PERIOD = 4
COMPARISONS = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
Alarm = dict[str, Any]
Point = dict[str, Any]
logger = logging.getLogger(__name__)
_lock = threading.Lock()


def period_of(alarm: Alarm) -> float:
    return max(SHORTEST_PERIOD_SECONDS, float(alarm["Period"]) * SCALE)


def state_of(alarm: Alarm, points: Sequence[Point], now: float) -> tuple[str, str]:
    """The state of an alarm with these points of its metric, and why.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html; it does not look further back
    than the alarm's periods when some of them have no data.
    """
    period, periods = period_of(alarm), int(alarm["EvaluationPeriods"])
    values = [value_of(alarm, points, now - (number + 1) * period, now - number * period) for number in range(periods)]
    present = [value for value in values if value is not None]
    missing = alarm.get("TreatMissingData") or "missing"
    if not present and missing in ("missing", "ignore"):
        state = "INSUFFICIENT_DATA" if missing == "missing" else alarm["StateValue"]
        return state, "Insufficient Data: no datapoints were received"
    exceeds = COMPARISONS[alarm["ComparisonOperator"]]
    over = [value for value in present if exceeds(value, alarm["Threshold"])]
    count = len(over) + (len(values) - len(present) if missing == "breaching" else 0)
    wanted = int(alarm.get("DatapointsToAlarm") or periods)
    summary = f"{count} of {periods} datapoints {over} are {alarm['ComparisonOperator']} {alarm['Threshold']}"
    if count >= wanted:
        return "ALARM", f"Threshold Crossed: {summary}"
    return "OK", f"Threshold not crossed: {summary}, which needs {wanted}"


def value_of(alarm: Alarm, points: Sequence[Point], start: float, end: float) -> float | None:
    """The alarm's statistic of the points of one period, None without any."""
    inside = [point for point in points if start < point["Timestamp"] <= end]
    name = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"
    value = cloudwatch._stat_value(cloudwatch._calc_stats(inside), name, inside) if inside else None
    return None if value is None else float(value)


def evaluate(alarm: Alarm) -> None:
    """Evaluate one alarm, and run its actions when its state changes."""
    dimensions = cloudwatch._dims_key({each["Name"]: each["Value"] for each in alarm.get("Dimensions") or []})
    points = list(cloudwatch._metrics.get((alarm["Namespace"], alarm["MetricName"], dimensions)) or [])
    with _lock:
        before = alarm["StateValue"]
        state, reason = state_of(alarm, points, time.time())
        if state == before:
            return
        alarm |= {"StateValue": state, "StateReason": reason, "StateUpdatedTimestamp": int(time.time())}
    cloudwatch._record_history(alarm["AlarmName"], before, state, reason)
    cloudwatch._dispatch_alarm_actions(alarm, before, state, reason)
    cloudwatch._evaluate_parent_alarms(alarm)


def measure(alarm: Alarm) -> None:
    """Record the depth of the queue that an alarm watches."""
    if (alarm["Namespace"], alarm["MetricName"]) != ("AWS/SQS", "ApproximateNumberOfMessagesVisible"):
        return
    for dimension in alarm["Dimensions"]:
        for queue in [each for each in sqs._queues.values() if each["name"] == dimension["Value"]]:
            sqs._refresh_counts(queue)
            depth = float(queue["attributes"]["ApproximateNumberOfMessages"])
            cloudwatch.record_metric(
                "AWS/SQS", alarm["MetricName"], depth, "Count", {dimension["Name"]: dimension["Value"]}
            )


def watch() -> None:
    """Evaluate every alarm a few times in each of its periods, for ever."""
    looked: dict[str, float] = {}
    while True:
        time.sleep(0.5)
        for (account, region, _), alarm in list(cloudwatch._alarms._data.items()):
            if time.monotonic() < looked.get(alarm["AlarmArn"], 0) + period_of(alarm) / LOOKS_A_PERIOD:
                continue
            looked[alarm["AlarmArn"]] = time.monotonic()
            tokens = _request_account_id.set(account), _request_region.set(region)
            try:
                measure(alarm)
                evaluate(alarm)
            except Exception:  # of one alarm; the others are looked at all the same
                logger.exception("alarm %s", alarm["AlarmName"])
            finally:
                _request_account_id.reset(tokens[0])
                _request_region.reset(tokens[1])


def patch() -> None:
    cloudwatch._evaluate_alarm = evaluate
    threading.Thread(target=watch, name="alarms", daemon=True).start()
