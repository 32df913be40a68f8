"""A run: one or more object versions of one dataset that go through the state machine together."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

from sluice.aws.object_version import ObjectVersion

MAX_SOURCES = 100
MAX_INPUT_BYTES = 40_000
"""Bytes of a run's input. Step Functions takes 256 KiB between two states, also when each of 100 sources fails: with an
error of 500 characters, of 4 bytes each."""
_SOURCES_BYTES = MAX_INPUT_BYTES - 250
"""What the sources of a run may take of it, beside its id and its dataset."""


@dataclass(frozen=True)
class Run:
    """run_id names the execution too; its input is deterministic, or a repeated start would be refused."""

    run_id: str
    dataset: str
    sources: tuple[ObjectVersion, ...]

    @classmethod
    def of(cls, dataset: str, sources: Sequence[ObjectVersion], *, attempt: int = 1) -> Self:
        """Return the run of these sources: the same sources and attempt always make the same run.

        Raises ValueError for more sources than `portions` puts together, for none, and for two versions of one key.
        """
        if not 1 <= len(sources) <= MAX_SOURCES:
            raise ValueError(f"a run takes 1 to {MAX_SOURCES} sources, not {len(sources)}")
        if len({source.uri for source in sources}) < len(sources):
            # They would share one lease, and publish the same files at the same time.
            raise ValueError("a run does not take two versions of one key")
        if sum(map(_bytes_of, sources)) > _SOURCES_BYTES:
            raise ValueError(f"the input of a run has at most {MAX_INPUT_BYTES:,} bytes")
        ordered = tuple(sorted(sources, key=lambda source: source.id))
        digest = hashlib.sha256(",".join(source.id for source in ordered).encode()).hexdigest()[:32]
        # Execution names have at most 80 characters: 40 leave room for digest and attempt.
        name = f"{dataset[:40]}-{digest}"
        return cls(name if attempt == 1 else f"{name}-{attempt}", dataset, ordered)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        sources = tuple(ObjectVersion.from_dict(source) for source in data["sources"])
        return cls(data["run_id"], data["dataset"], sources)

    def to_dict(self) -> dict[str, Any]:
        sources = [source.to_dict() for source in self.sources]
        return {"run_id": self.run_id, "dataset": self.dataset, "sources": sources}

    def to_json(self) -> str:
        return _json(self.to_dict())


def portions(sources: Iterable[ObjectVersion]) -> Iterator[list[ObjectVersion]]:
    """Yield the sources, in their order, in lists that one run takes: fewer than MAX_SOURCES when names are long."""
    some: list[ObjectVersion] = []
    left = _SOURCES_BYTES
    for source in sources:
        size = _bytes_of(source)
        if some and (size > left or len(some) == MAX_SOURCES):
            yield some
            some, left = [], _SOURCES_BYTES
        some.append(source)
        left -= size
    if some:
        yield some


def _bytes_of(source: ObjectVersion) -> int:
    """Return the bytes that a source takes of its run's input."""
    return len(_json(source.to_dict()).encode()) + len(", ")


def _json(document: Any) -> str:
    # As UTF-8 a letter of another script has two to four bytes, escaped six or twelve.
    return json.dumps(document, ensure_ascii=False, sort_keys=True)


def start(stepfunctions: Any, state_machine_arn: str, run: Run) -> bool:
    """Start the run's execution. Returns False when it was started before."""
    try:
        stepfunctions.start_execution(stateMachineArn=state_machine_arn, name=run.run_id, input=run.to_json())
    except stepfunctions.exceptions.ExecutionAlreadyExists:
        return False
    return True


@dataclass(frozen=True)
class Task:
    """One source of a run of one dataset."""

    run_id: str
    dataset: str
    source: ObjectVersion

    @classmethod
    def from_event(cls, event: dict[str, Any]) -> Self:
        """Read the event, and name the source in every line that is logged from here on."""
        from sluice.aws.telemetry import logger  # takes a seventh of the command's imports, which need no task

        task = cls(event["run_id"], event["dataset"], ObjectVersion.from_dict(event["source"]))
        logger.append_keys(run_id=task.run_id, dataset=task.dataset, source_id=task.source.id)
        return task
