"""What the smoke test looks at besides the files' status: rows, partitions, tags, ledger, alarms, dead letters."""

from typing import Any

from cli.smoke import athena
from cli.smoke.samples import DATASET, Sample
from cli.smoke.steps import Unexpected
from cli.smoke.trial import Trial
from cli.stack.connection import Stack
from cli.stack.deployment import changed_modules
from cli.terminal import output
from sluice.aws.object_version import ObjectVersion

_COMPLETE = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
_MODULE = f"datasets/{DATASET}.py"
_MOST_BATCHES = 20
"""Batches of ten dead letters that are read."""


def deployment(stack: Stack) -> str:
    """Check that the stack is complete and has the contract of the samples. Raises Unexpected."""
    described = stack.client("cloudformation").describe_stacks(StackName=stack.name)["Stacks"][0]
    if (status := described["StackStatus"]) not in _COMPLETE:
        raise Unexpected(status, "read the stack's events in CloudFormation, then deploy again")
    if _MODULE in (changed := changed_modules(stack)):
        raise Unexpected(f"{_MODULE} differs from the one here", "deploy this folder, or use the deployed version's")
    return status + (f"; {len(changed)} modules differ from those here" if changed else "; the code is as here")


def rows(trial: Trial, sample: Sample) -> str:
    """Check what Athena sees of a sample, with its lineage. Raises Unexpected."""
    run = trial.entries[sample.name]["run_id"]
    expected: athena.Rows = [
        (str(number), *cells, cells[3][:7], run) for number, cells in sorted(sample.published.items())
    ]
    return _same(athena.published(trial.stack, trial.uri(sample)), expected, trial, sample)


def reasons(trial: Trial, sample: Sample) -> str:
    """Check what Athena sees of a sample's quarantined rows. Raises Unexpected."""
    run = trial.entries[sample.name]["run_id"]
    expected: athena.Rows = [(str(number), reason, run) for number, reason in sorted(sample.quarantined.items())]
    return _same(athena.quarantined(trial.stack, trial.uri(sample)), expected, trial, sample)


def nothing(trial: Trial, sample: Sample) -> str:
    """Check that Athena sees no row of a sample in either table. Raises Unexpected."""
    uri = trial.uri(sample)
    return _same([*athena.published(trial.stack, uri), *athena.quarantined(trial.stack, uri)], [], trial, sample)


def _same(found: athena.Rows, expected: athena.Rows, trial: Trial, sample: Sample) -> str:
    if found != expected:
        shown = "; ".join(" ".join(row[:-1]) for row in found) or "no rows"
        raise Unexpected(shown, f"table and ledger disagree about {trial.key(sample)}: keep the report, open an issue")
    return f"{output.rows(len(found))} of {found[0][-1]}" if found else "no rows"


def partitions(trial: Trial, sample: Sample) -> str:
    """Check that the catalog has a sample's partitions, at their places in the lake. Raises Unexpected."""
    glue, table = trial.stack.client("glue"), {"DatabaseName": trial.stack.output("DatabaseName"), "TableName": DATASET}
    pages = glue.get_paginator("get_partitions").paginate(**table)
    places = {each["Values"][0]: each["StorageDescriptor"]["Location"] for page in pages for each in page["Partitions"]}
    place = f"s3://{trial.stack.lake}/published/{DATASET}/sold_month="
    lost = [
        f"{month} at {places[month]}" if month in places else month
        for month in sample.months
        if places.get(month, "").rstrip("/") != f"{place}{month}"
    ]
    if lost:
        again = f"sluice replay --source {trial.key(sample)} --version {trial.version(sample)}"
        raise Unexpected(
            f"missing or elsewhere: {', '.join(lost)}",
            f"publishing a file of the month again registers its partition: {again}",
        )
    return ", ".join(sample.months)


def tags(trial: Trial, *samples: Sample) -> str:
    """Check the tags of the uploaded versions. Raises Unexpected."""
    wrong = []
    for sample in samples:
        answer = trial.stack.client("s3").get_object_tagging(
            Bucket=trial.stack.raw, Key=trial.key(sample), VersionId=trial.version(sample)
        )
        found = {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}
        expected = {"sluice:validation": "rejected", "sluice:dataset": DATASET}
        if sample.published:
            run = trial.entries[sample.name]["run_id"]
            expected |= {"sluice:validation": "accepted", "sluice:status": "PUBLISHED", "sluice:run_id": run}
        wrong += [
            f"{sample.name}: {name} is {found.get(name)}, not {value}"
            for name, value in expected.items()
            if found.get(name) != value
        ]
    if wrong:
        raise Unexpected("; ".join(wrong), "look into the logs of Validate and Complete")
    return f"validation, dataset, status and run of {len(samples)} versions"


def ledger(trial: Trial, *samples: Sample) -> str:
    """Check which version the ledger promises to readers, and that no run holds the keys. Raises Unexpected."""
    wrong = []
    for sample in samples:
        version = trial.version(sample)
        head = trial.stack.ledger.head(ObjectVersion(trial.stack.raw, trial.key(sample), version, "", 0))
        if (promised := head.get("published_version")) != (version if sample.published else None):
            wrong.append(f"{sample.name}: published_version is {promised}, not {version}")
        if owner := head.get("lease_owner"):
            wrong.append(f"{sample.name}: {owner} holds it")
    if wrong:
        raise Unexpected("; ".join(wrong), "look into the logs of Complete and Recover")
    return f"{len(samples)} keys"


def alarms(trial: Trial, names: list[str]) -> str:
    """Check that no alarm of the stack went off since the trial began. Raises Unexpected."""
    pages = trial.stack.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNames=names)
    found: list[dict[str, Any]] = [alarm for page in pages for alarm in page["MetricAlarms"]]
    ringing = [alarm for alarm in found if alarm["StateValue"] == "ALARM"]
    new = [alarm for alarm in ringing if alarm["StateUpdatedTimestamp"] >= trial.started]
    if new:
        rung = "; ".join(f"{alarm['AlarmName']}: {alarm.get('AlarmDescription', '')}" for alarm in new)
        raise Unexpected(rung, "the description of the alarm says what to do")
    return f"{len(found)} alarms" + (f", {len(ringing)} in ALARM before" if ringing else "")


def dead_letters(trial: Trial) -> str:
    """Check that no dead letter names the trial. Raises Unexpected."""
    sqs, url = trial.stack.client("sqs"), trial.stack.output("DeadLetterQueueUrl")
    bodies: dict[str, str] = {}
    for _ in range(_MOST_BATCHES):
        # Invisible for some seconds, so that each is read once; none is deleted.
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=30, WaitTimeSeconds=1)
        if not (messages := answer.get("Messages", [])):
            break
        bodies |= {message["MessageId"]: message["Body"] for message in messages}
    if ours := sum(trial.name in body for body in bodies.values()):
        raise Unexpected(
            f"{ours} dead letters of this test", "read the logs of the functions, then sluice redrive --dead-letters"
        )
    return "none of this test" + (f", {len(bodies)} of others" if bodies else "")


def emptied(stack: Stack) -> str:
    """Check that Athena sees no row of the dataset any more. Raises Unexpected."""
    if (counts := athena.counts(stack)) != (0, 0):
        raise Unexpected(f"{counts[0]} rows, {counts[1]} quarantined", "is another smoke test running? Repeat it")
    return "no rows"
