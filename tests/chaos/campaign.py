"""One run for each fault at each call: what the fault was, and what it took to come out right."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from local import faults
from tests.chaos.faults import FAILS, KILLED, KINDS, Disturbance, Kind, Point, points, strike
from tests.chaos.files import sales
from tests.chaos.verify import Verification, verify
from tests.chaos.world import World

UNHELPED, REDRIVEN, BROKEN, UNREACHED = "without help", "after redrive", "broken", "not reached"
HANDLERS = (
    "ValidateRole",
    "ClaimRole",
    "CleanRole",
    "ReconcileRole",
    "PublishRole",
    "PlanCheckRole",
    "CheckRole",
    "CompleteRole",
    "RemoveReplacedRole",
)
MACHINE = "EtlStateMachineRole"
CHECK_FAILS = (Point("CheckRole", "s3:GetObject", 1), FAILS)
MACHINE_DIES = (Point(MACHINE, "athena:StartQueryExecution", 1), KILLED)
"""After both of them everything is published and has to be taken back: by the machine, by Recover."""


@dataclass(frozen=True)
class Outcome:
    """survived: one of the words above. strikes: how many calls the fault made fail."""

    part: str
    fault: str
    kind: str
    survived: str
    seconds: float
    strikes: int = 0
    lost: int = 0
    doubled: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass
class Campaign:
    """Uploads version after version of one key, each of them disturbed in another way.

    seconds: in which nothing happens when a run hangs.
    """

    world: World
    seconds: float = 60
    lane: int = 0
    number: int = 0
    broken: int = 0

    @property
    def key(self) -> str:
        return f"sales/S{self.lane}{self.broken:03}/2025-03-05.csv"

    def plan(self, kinds: Sequence[Kind] = KINDS) -> list[Disturbance]:
        """Every fault at every call that a run makes, and its undoing, and its recovery."""
        self.observe()
        made = [Disturbance("run", point, kind) for point in self.observe(*HANDLERS, MACHINE) for kind in kinds]
        for part, base, roles in (
            ("undo", CHECK_FAILS, ("UndoRole", "ReportRole")),
            ("recover", MACHINE_DIES, ("RecoverRole",)),
        ):
            found = self.observe(*roles, base=base)
            made += [Disturbance(part, point, kind, base) for point in found for kind in kinds]
        return made

    def observe(self, *roles: str, base: tuple[Point, Kind] | None = None) -> list[Point]:
        """The calls of these roles in one more run."""
        since = faults.calls(self.world.aws)[-1].number
        if base:
            strike(self.world.aws, *base)
        self._upload()
        self._settle()
        time.sleep(0.5)  # a report may be under way
        calls = faults.calls(self.world.aws, since=since)
        self._help()
        return points(calls, roles)

    def disturb(self, disturbance: Disturbance) -> Outcome:
        """One run with this fault."""
        begun = time.monotonic()
        if disturbance.base:
            strike(self.world.aws, *disturbance.base)
        strike(self.world.aws, disturbance.point, disturbance.kind)
        self._upload()
        hanging = self._settle()
        strikes = faults.fired_each(self.world.aws)[-1]
        faults.clear(self.world.aws)
        survived, verified = self._survived(hanging)
        return Outcome(
            disturbance.part,
            str(disturbance),
            disturbance.kind.name,
            survived if strikes or survived == BROKEN else UNREACHED,
            round(time.monotonic() - begun, 2),
            strikes,
            verified.lost,
            verified.doubled,
            [*hanging, *verified.problems] if survived == BROKEN else [],
        )

    def _survived(self, hanging: list[str]) -> tuple[str, Verification]:
        if not hanging and not self.world.queued(self.world.dead_letters):
            verified = verify(self.world, [self.key])
            if verified.right:
                return UNHELPED, verified
        helped = self._help()
        verified = verify(self.world, [self.key])
        if verified.right:
            return REDRIVEN if helped else UNHELPED, verified  # what only took long has not been helped
        # What one fault has broken must not break the runs after it.
        self.world.uploads.pop(self.key)
        self.broken += 1
        return BROKEN, verified

    def _help(self) -> int:
        faults.clear(self.world.aws)
        helped = self.world.redrive([self.key])
        self._settle()
        return helped

    def _upload(self) -> None:
        self.number += 1
        self.world.put(self.key, sales(self.number, store=self.key.split("/")[1]))

    def _settle(self) -> list[str]:
        return self.world.settle(seconds=self.seconds)
