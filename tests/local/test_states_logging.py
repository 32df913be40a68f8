"""A state machine's history is in the log group that it names."""

import json

import pytest
from botocore.exceptions import ClientError

from local import Deployment, LocalAWS
from tests.local.state_machines import make, run


def test_the_history_is_logged(aws: LocalAWS, stack: Deployment) -> None:
    execution = run(aws, stack.outputs["MachineArn"], {"way": "invoke", "event": {"do": "raise"}})
    found = aws.client("logs").filter_log_events(
        logGroupName=stack.resources["MachineLogs"], filterPattern='"ExecutionFailed"'
    )
    entries = [json.loads(event["message"]) for event in found["events"]]
    mine = [entry for entry in entries if entry["execution_arn"] == execution["executionArn"]]
    assert [entry["details"]["error"] for entry in mine] == ["Caught.RowsLost"]


def test_a_role_that_may_not_deliver_logs_is_refused(aws: LocalAWS, stack: Deployment) -> None:
    group = f"arn:aws:logs:us-east-1:000000000000:log-group:{stack.resources['MachineLogs']}:*"
    logging = {"level": "ALL", "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}]}
    definition = {"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}}
    with pytest.raises(ClientError, match="not authorized to access the Log Destination"):
        make(aws, definition, loggingConfiguration=logging)
