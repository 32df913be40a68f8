"""What is too large for AWS is too large here."""

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local import LocalAWS
from tests.local.state_machines import make

SHORT = {"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "Output": {}, "End": True}}}


@pytest.fixture(scope="module")
def table(aws: LocalAWS) -> str:
    name = f"sizes-{uuid.uuid4().hex}"
    aws.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("id", "run", "source")],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_run",
                "KeySchema": [
                    {"AttributeName": "run", "KeyType": "HASH"},
                    {"AttributeName": "source", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    return name


def item(source: str) -> Any:
    return {"id": {"S": source}, "run": {"S": "r"}, "source": {"S": source}}


def write(aws: LocalAWS, table: str, how: str, source: str) -> None:
    dynamodb = aws.client("dynamodb")
    if how == "put":
        dynamodb.put_item(TableName=table, Item=item(source))
        return
    change = {
        "TableName": table,
        "Key": {"id": {"S": source}},
        "UpdateExpression": "SET #run = :run, #source = :source",
        "ExpressionAttributeNames": {"#run": "run", "#source": "source"},
        "ExpressionAttributeValues": {":run": {"S": "r"}, ":source": {"S": source}},
    }
    if how == "update":
        dynamodb.update_item(**change)
    else:
        dynamodb.transact_write_items(TransactItems=[{"Update": change}])


@pytest.mark.parametrize("how", ["put", "update", "transaction"])
def test_the_sort_key_of_an_index_has_at_most_1024_bytes(aws: LocalAWS, table: str, how: str) -> None:
    write(aws, table, how, "é" * 512)
    with pytest.raises(ClientError, match=r"1024|ValidationError"):
        write(aws, table, how, "é" * 513)


def test_the_input_of_an_execution_has_at_most_256_kib(aws: LocalAWS) -> None:
    machine, states = make(aws, SHORT), aws.client("stepfunctions")
    fits = json.dumps("é" * (131_072 - 1), ensure_ascii=False)
    states.start_execution(stateMachineArn=machine, input=fits)
    with pytest.raises(ClientError, match="262144"):
        states.start_execution(stateMachineArn=machine, input=json.dumps("é" * 131_072, ensure_ascii=False))
    with pytest.raises(ClientError, match="262144"):
        states.start_execution(stateMachineArn=machine, input=json.dumps("é" * 50_000))  # as \u00e9: six bytes each


def test_an_event_has_less_than_256_kib(aws: LocalAWS) -> None:
    events = aws.client("events")
    entry = {"Source": "s", "DetailType": "d"}
    room = 256 * 1024 - 2 - len('{"a": ""}')
    detail = json.dumps({"a": "x" * (room - 1)})
    assert events.put_events(Entries=[entry | {"Detail": detail}])["FailedEntryCount"] == 0
    with pytest.raises(ClientError, match="over the limit"):
        events.put_events(Entries=[entry | {"Detail": json.dumps({"a": "x" * room})}])
