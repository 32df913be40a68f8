"""Many invocations at once share a function's few environments, and none is refused."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from local import Deployment, LocalAWS
from local.emulator.lambdas.environments import ENVIRONMENTS

AT_ONCE = 4 * ENVIRONMENTS


def test_invocations_wait_for_an_environment(aws: LocalAWS, stack: Deployment) -> None:
    client = aws.client("lambda")

    def invoke(_: int) -> Any:
        answer = client.invoke(
            FunctionName=stack.resources["BehaveFunction"], Payload=json.dumps({"do": "remaining", "seconds": 0.2})
        )
        return json.loads(answer["Payload"].read())

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(invoke, range(AT_ONCE)))
    assert 1 <= len({answer["root"] for answer in answers}) <= ENVIRONMENTS
