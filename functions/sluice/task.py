"""What the state machine hands to a function that works on one source of a run."""

from dataclasses import dataclass
from typing import Any, Self

from sluice.objects import ObjectVersion
from sluice.telemetry import logger


@dataclass(frozen=True)
class Task:
    """One source of a run of one dataset."""

    run_id: str
    dataset: str
    source: ObjectVersion

    @classmethod
    def from_event(cls, event: dict[str, Any]) -> Self:
        """Read the event, and name the source in every line that is logged from here on."""
        task = cls(event["run_id"], event["dataset"], ObjectVersion.from_dict(event["source"]))
        logger.append_keys(run_id=task.run_id, dataset=task.dataset, source_id=task.source.id)
        return task
