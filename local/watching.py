"""What becomes of uploads, as the ledger and Step Functions tell it while it happens."""

from dataclasses import dataclass, field
from typing import Any

import boto3.dynamodb.types

from local.connection import Connection
from local.deploy import Deployment

DECIDED = frozenset({"REJECTED", "PUBLISHED", "FAILED", "SUPERSEDED"})
KEYS_OF_ONE_READ = 100  # the limit of BatchGetItem
_deserialize = boto3.dynamodb.types.TypeDeserializer().deserialize


@dataclass(frozen=True)
class Upload:
    """One object version in the raw bucket."""

    bucket: str
    key: str
    version_id: str

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class Sighting:
    """Where an upload stands: the ledger's item ({} before the gate saw it), and the state that its run is in."""

    entry: dict[str, Any] = field(default_factory=dict)
    state: str = ""

    @property
    def status(self) -> str:
        return str(self.entry.get("status", "UPLOADED"))

    @property
    def decided(self) -> bool:
        return self.status in DECIDED


class Watcher:
    """Looks at uploads to one deployed stack."""

    def __init__(self, aws: Connection, deployment: Deployment) -> None:
        self._dynamodb = aws.client("dynamodb")
        self._states = aws.client("stepfunctions")
        self._table = deployment.outputs["LedgerTableName"]
        account_of_machine = deployment.outputs["StateMachineArn"].replace(":stateMachine:", ":execution:")
        self._execution_prefix = f"{account_of_machine}:"

    def look(self, uploads: list[Upload]) -> dict[Upload, Sighting]:
        """Where each upload stands now."""
        entries = self._entries(uploads)
        return {upload: self._sighting(entries.get(upload, {})) for upload in uploads}

    def running(self, sightings: dict[Upload, Sighting]) -> bool:
        """Whether an upload is undecided, or decided while its run still has to end."""
        return any(not sighting.decided or sighting.state for sighting in sightings.values())

    def _entries(self, uploads: list[Upload]) -> dict[Upload, dict[str, Any]]:
        found: dict[Upload, dict[str, Any]] = {}
        by_key = {(upload.uri, upload.version_id): upload for upload in uploads}
        keys = [{"source": {"S": uri}, "version": {"S": version}} for uri, version in by_key]
        for start in range(0, len(keys), KEYS_OF_ONE_READ):
            request = {self._table: {"Keys": keys[start : start + KEYS_OF_ONE_READ], "ConsistentRead": True}}
            for item in self._dynamodb.batch_get_item(RequestItems=request)["Responses"][self._table]:
                entry = {name: _deserialize(value) for name, value in item.items()}
                found[by_key[(entry["source"], entry["version"])]] = entry
        return found

    def _sighting(self, entry: dict[str, Any]) -> Sighting:
        status = entry.get("status")
        if status in (None, "REJECTED"):
            return Sighting(entry)
        return Sighting(entry, self._state(str(entry.get("run_id", ""))))

    def _state(self, run_id: str) -> str:
        """The state that a run is in, or "" when there is no run or it has ended."""
        try:
            history = self._states.get_execution_history(
                executionArn=self._execution_prefix + run_id, reverseOrder=True, maxResults=20
            )
        except self._states.exceptions.ExecutionDoesNotExist:
            return ""
        for event in history["events"]:
            if event["type"].startswith("Execution") and event["type"] != "ExecutionStarted":
                return ""
            if "stateEnteredEventDetails" in event:
                return str(event["stateEnteredEventDetails"]["name"])
        return "Claim"
