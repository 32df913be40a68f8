"""One pass of the smoke test: what it uploads, and how each upload is followed to its end."""

import json
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime

from cli.smoke import arrival
from cli.smoke.samples import BAD, BROKEN, DATASET, GOOD, REDRIVEN, Sample
from cli.smoke.steps import NotPossible, Unexpected
from cli.stack import history
from cli.stack.connection import Stack
from cli.stack.executions import execution, state_of
from cli.stack.history import FINAL, Entry
from cli.stack.redrive import redrive
from cli.stack.start_run import prepare
from cli.terminal import output
from cli.terminal.errors import code
from sluice.aws.object_version import ObjectVersion
from sluice.ledger.ledger import CLEANING, FAILED, PUBLISHED, RECEIVED, REJECTED
from sluice.ledger.runs import Run

_PAUSE = 0.5
"""Seconds between two reads of the ledger."""


class Trial:
    """The uploads of one pass, under keys of its own. minutes: how long a file may take."""

    def __init__(self, stack: Stack, *, minutes: float) -> None:
        self.stack = stack
        self.started = datetime.now(UTC)
        self.name = f"{self.started:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
        self.patience = minutes * 60
        self.entries: dict[str, Entry] = {}
        """The ledger's last entry of each sample that was followed to its end."""
        self._versions: dict[str, str] = {}
        self._deadlines: dict[str, float] = {}

    def key(self, sample: Sample) -> str:
        return f"{DATASET}/{self.name}/{sample.name}.csv"

    def uri(self, sample: Sample) -> str:
        return self.stack.uri(self.key(sample))

    def version(self, sample: Sample) -> str:
        return self._versions[sample.name]

    def upload(self) -> str:
        """Upload the first samples at once: what they wait for, they wait for together."""
        for sample in (GOOD, BAD, BROKEN):
            self.put(sample)
        self.put(REDRIVEN, hold=True)
        return f"{len(self._versions)} files below s3://{self.stack.raw}/{DATASET}/{self.name}/"

    def put(self, sample: Sample, *, hold: bool = False) -> None:
        answer = self.stack.client("s3").put_object(
            Bucket=self.stack.raw,
            Key=self.key(sample),
            Body=sample.text.encode(),
        )
        self._versions[sample.name] = answer["VersionId"]
        if hold:
            held = ObjectVersion(self.stack.raw, self.key(sample), answer["VersionId"], "", 0)
            self.stack.ledger.note_put(held, origin="smoke", hold=True)
        self._deadlines[sample.name] = time.monotonic() + self.patience

    def published(self, sample: Sample) -> str:
        """Follow a sample to the end of its run. Raises Unexpected when it is not published with its planned rows."""
        entry = self._wait(sample, lambda entry: entry["status"] in FINAL)
        run = str(entry.get("run_id", ""))
        if entry["status"] != PUBLISHED:
            raise Unexpected(f"{entry['status']}: {'; '.join(history.why(entry))}", arrival.advice(self.stack, entry))
        ended = self._ended(sample, run)
        found = f"{accounted(entry)}; its run {ended}"
        if ended != "SUCCEEDED" or accounted(entry) != planned(sample):
            raise Unexpected(found, arrival.advice(self.stack, entry))
        self.entries[sample.name] = entry
        return found

    def rejected(self, sample: Sample, reason: str) -> str:
        """Follow a sample until it is rejected for a reason. Raises Unexpected."""
        entry = self._wait(sample, lambda entry: entry["status"] in FINAL)
        found = f"{entry['status']}: {', '.join(entry.get('reasons', {}))}"
        if entry["status"] != REJECTED or set(entry.get("reasons", {})) != {reason}:
            raise Unexpected(found, arrival.advice(self.stack, entry))
        self.entries[sample.name] = entry
        return found

    def redriven(self, sample: Sample) -> str:
        """Fail a run of a held file and redrive it.

        No execution is failed or stopped for it, which would raise an alarm: Recover gets the event that the run was
        aborted before its first state. Raises Unexpected; NotPossible without the right to invoke Recover.
        """
        entry = self._wait(sample, lambda entry: entry["status"] in FINAL or "rows" in entry)
        if entry["status"] != RECEIVED or entry.get("run_id"):
            raise NotPossible(f"the file was not held back: it is {entry['status']}")
        source = ObjectVersion.from_item(entry)
        self._abort(Run.of(DATASET, [source]))
        failed = self.stack.ledger.entry(source)
        if failed["status"] != FAILED:
            raise Unexpected(f"{failed['status']} after Recover", "look into the log of the function Recover")
        redrive(self.stack, [failed])
        self._deadlines[sample.name] = time.monotonic() + self.patience
        return f"FAILED by {failed['error']}, then {self.published(sample)}"

    def _abort(self, run: Run) -> None:
        prepare(self.stack, run)
        detail = {"stateMachineArn": self.stack.machine, "name": run.run_id, "status": "ABORTED"}
        functions = self.stack.client("lambda")
        try:
            answer = functions.invoke(
                FunctionName=f"{self.stack.name}-recover",
                Payload=json.dumps({"source": "aws.states", "detail": detail}),
            )
        except functions.exceptions.ClientError as error:
            raise NotPossible(f"Recover cannot be invoked ({code(error)}): lambda:InvokeFunction") from error
        if "FunctionError" in answer:
            raise Unexpected(answer["Payload"].read().decode()[:300], "look into the log of the function Recover")

    def _wait(self, sample: Sample, enough: Callable[[Entry], bool]) -> Entry:
        """Return the ledger's entry of a sample once it is enough. Raises Unexpected when time is up."""
        where = (self.uri(sample), self.version(sample))
        while True:
            entry = history.entries(self.stack, [where]).get(where, {})
            if entry and enough(entry):
                return entry
            if time.monotonic() > self._deadlines[sample.name]:
                break
            time.sleep(_PAUSE)
        waited = f"after {self.patience / 60:g} minutes"
        if not entry:
            raise Unexpected(f"no event of it in the ledger {waited}", arrival.unseen(self.stack))
        state = state_of(self.stack, str(entry.get("run_id", ""))) if entry["status"] == CLEANING else ""
        raise Unexpected(f"{entry['status']} {state}".strip() + f" {waited}", arrival.advice(self.stack, entry))

    def _ended(self, sample: Sample, run: str) -> str:
        while (status := str(execution(self.stack, run).get("status"))) == "RUNNING":
            if time.monotonic() > self._deadlines[sample.name]:
                break
            time.sleep(_PAUSE)
        return status


def planned(sample: Sample) -> str:
    """Return the account that a sample is to have in the ledger."""
    discarded = sum(sample.discarded.values())
    return output.account(output.rows(sample.rows), len(sample.published), len(sample.quarantined), discarded)


def accounted(entry: Entry) -> str:
    """Return the account that the ledger has of a published file."""
    discarded = sum(entry["discarded"].values())
    return output.account(output.rows(entry["rows"]), entry["published"], entry["quarantined"], discarded)
