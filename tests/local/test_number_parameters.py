"""A parameter of type Number reaches what needs a number as one."""

from local import Deployment, LocalAWS


def test_a_queue_has_the_concurrency_of_the_parameter(aws: LocalAWS, stack: Deployment) -> None:
    mappings = aws.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    queues = [mapping for mapping in mappings if ":sqs:" in mapping["EventSourceArn"]]
    assert [(mapping["BatchSize"], mapping["ScalingConfig"]) for mapping in queues] == [(5, {"MaximumConcurrency": 2})]


def test_a_workgroup_has_the_limit_of_the_parameter(aws: LocalAWS, stack: Deployment) -> None:
    found = aws.client("athena").get_work_group(WorkGroup=f"{stack.stack}-sql")["WorkGroup"]
    assert found["Configuration"]["BytesScannedCutoffPerQuery"] == 10_000_000
