"""A rule invokes its function asynchronously: what fails is tried twice more and then handed on."""

import json
from typing import Any

from local import Deployment, LocalAWS
from local.waiting import eventually


def test_an_event_that_a_function_refuses_three_times_is_handed_on(aws: LocalAWS, stack: Deployment) -> None:
    events, sqs, functions = aws.client("events"), aws.client("sqs"), aws.client("lambda")
    name = stack.resources["BehaveFunction"]
    queue = sqs.create_queue(QueueName="refused-events")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    functions.put_function_event_invoke_config(
        FunctionName=name, MaximumRetryAttempts=2, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    try:
        events.put_rule(Name="refused", EventPattern=json.dumps({"source": ["refused"]}))
        target = functions.get_function(FunctionName=name)["Configuration"]["FunctionArn"]
        events.put_targets(
            Rule="refused", Targets=[{"Id": "behave", "Arn": target, "Input": json.dumps({"do": "raise"})}]
        )
        events.put_events(Entries=[{"Source": "refused", "DetailType": "Something", "Detail": "{}"}])

        def handed_on() -> list[dict[str, Any]]:
            return list(sqs.receive_message(QueueUrl=queue).get("Messages", []))

        record = json.loads(eventually(handed_on)[0]["Body"])
        assert record["requestPayload"] == {"do": "raise"}
        assert record["responsePayload"]["errorType"] == "RowsLost"
    finally:
        functions.delete_function_event_invoke_config(FunctionName=name)
        events.remove_targets(Rule="refused", Ids=["behave"])
        events.delete_rule(Name="refused")
