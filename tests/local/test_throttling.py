"""A local AWS with a limit of concurrent functions refuses callers, and keeps events and batches until they may run."""

import json
import time
from collections.abc import Iterator

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local import Deployment, LocalAWS, deploy
from local.waiting import eventually
from tests.local.conftest import DATA
from tests.local.test_sqs_to_lambda import dead, seen, send

LIMIT = 2
BUSY_SECONDS = 1.5


@pytest.fixture(scope="module")
def limited() -> Iterator[LocalAWS]:
    with LocalAWS(concurrency=LIMIT) as running:
        yield running


@pytest.fixture(scope="module")
def stack(limited: LocalAWS) -> Deployment:
    return deploy(limited, DATA / "template.yaml", stack="limited", parameters={"Stage": "dev"})


def occupy(aws: LocalAWS, stack: Deployment) -> None:
    """Start as many invocations as the account may have; each sleeps."""
    for _ in range(LIMIT):
        event = {"do": "sleep", "seconds": BUSY_SECONDS}
        aws.client("lambda").invoke(
            FunctionName=stack.resources["BehaveFunction"], InvocationType="Event", Payload=json.dumps(event)
        )
    time.sleep(0.3)


def test_a_caller_who_waits_for_an_answer_is_refused(limited: LocalAWS, stack: Deployment) -> None:
    assert limited.client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"] == LIMIT
    once = limited.session().client("lambda", endpoint_url=limited.endpoint, config=Config(retries={"max_attempts": 0}))
    occupy(limited, stack)
    with pytest.raises(ClientError, match="TooManyRequestsException") as refused:
        once.invoke(FunctionName=stack.resources["BehaveFunction"], Payload="{}")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert refused.value.response["Reason"] == "ConcurrentInvocationLimitExceeded"


def test_a_queue_s_batch_waits_and_is_not_counted_as_failed(limited: LocalAWS, stack: Deployment) -> None:
    limited.client("sqs").set_queue_attributes(
        QueueUrl=stack.resources["Queue"], Attributes={"VisibilityTimeout": "60"}
    )
    occupy(limited, stack)
    send(limited, stack, {"id": "patient"})
    eventually(lambda: seen(limited, stack, "patient"))
    assert dead(limited, stack, "patient") is None


def test_an_event_waits_outside_its_retries(limited: LocalAWS, stack: Deployment) -> None:
    """BehaveFunction has no retry: an event that was counted as failed would be in the dead-letter queue."""
    occupy(limited, stack)
    event = {"do": "print", "line": "the event ran at last"}
    name = stack.resources["BehaveFunction"]
    limited.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps(event))
    logs = limited.client("logs")

    def lines() -> list[str]:
        found = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
        return [event["message"] for event in found if "the event ran at last" in event["message"]]

    eventually(lines)
