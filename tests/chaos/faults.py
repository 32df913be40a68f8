"""The faults of the campaign: every call of a run that goes well, and what can happen to it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from local import faults
from local.connection import Connection

_LASTING = 1000
"""Calls: an outage that outlasts every retry of the SDK and of the state machine."""


@dataclass(frozen=True)
class Kind:
    """What happens to a call. known: the SDK knows the error and repeats the call by itself.

    times: how many calls in a row fail, where something retries without end or a person must help otherwise.
    """

    name: str
    when: Literal["before", "after"]
    how: Literal["error", "kill"] = "error"
    known: bool = False
    times: int = 1


FAILS = Kind("fails", "before", times=_LASTING)
LOST = Kind("answer lost", "after")
KILLED = Kind("killed", "after", "kill")
LOST_ONCE = Kind("answer lost, call repeated", "after", known=True)
KINDS = (FAILS, LOST, KILLED, LOST_ONCE)


@dataclass(frozen=True)
class Point:
    """The nth call of a name by a role (its logical id), as the calls of an undisturbed run were numbered."""

    role: str
    action: str
    nth: int

    def __str__(self) -> str:
        return f"{self.role} {self.action} #{self.nth}"


@dataclass(frozen=True)
class Disturbance:
    """A fault at a call, in a run that goes well, or in one that `base` makes fail (part: undo, recover)."""

    part: str
    point: Point
    kind: Kind
    base: tuple[Point, Kind] | None = None

    def __str__(self) -> str:
        return f"{self.point} {self.kind.name}" + (f", after {self.base[0]} {self.base[1].name}" if self.base else "")


def logical(role: str) -> str:
    """A deployed role's logical id: sluice-PublishRole-7CA335D8B62C5 → PublishRole."""
    return role.split("-")[-2] if role.count("-") >= 2 else role


def points(calls: Sequence[faults.Call], roles: Iterable[str]) -> list[Point]:
    """Every call that one of these roles (logical ids) made, as a point where a fault can strike."""
    wanted, seen, found = set(roles), Counter[tuple[str, str]](), []
    for call in calls:
        role = logical(call.role)
        if role not in wanted:
            continue
        # A fault strikes by action or by operation: both count towards the number of a call.
        for name in {call.action, call.operation}:
            seen[role, name] += 1
        found.append(Point(role, call.action, seen[role, call.action]))
    return sorted(set(found), key=lambda point: (point.role, point.action, point.nth))


def strike(aws: Connection, point: Point, kind: Kind) -> None:
    """Set the fault."""
    # An SDK repeats what failed with a 500, and gives up at once on an error that it does not know.
    answer: dict[str, Any] = {} if kind.known else {"status": 400, "code": "Struck"}
    # The queue repeats what Validate failed on; the machine's role calls for all that repairs, too.
    times = 1 if point.role in ("ValidateRole", "EtlStateMachineRole") else kind.times
    role = f"*-{point.role}-*"
    faults.inject(aws, point.action, role=role, nth=point.nth, times=times, when=kind.when, how=kind.how, **answer)
