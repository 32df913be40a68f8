"""A parameter of type Number reaches what needs a number as one (a queue's concurrency: see test_sqs_to_lambda)."""

from local import Deployment, LocalAWS


def test_a_workgroup_has_the_limit_of_the_parameter(aws: LocalAWS, stack: Deployment) -> None:
    found = aws.client("athena").get_work_group(WorkGroup=f"{stack.stack}-sql")["WorkGroup"]
    assert found["Configuration"]["BytesScannedCutoffPerQuery"] == 10_000_000
