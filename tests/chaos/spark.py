"""The same for the files of the Glue job: a job takes a minute, so several faults strike the sources of one run."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from local import faults
from sluice.aws.object_version import ObjectVersion
from sluice.ledger.ledger import FAILED, Ledger
from tests.chaos.campaign import BROKEN, REDRIVEN, UNHELPED, UNREACHED, Outcome
from tests.chaos.faults import FAILS, KILLED, LOST, LOST_ONCE, Kind, Point, points, strike
from tests.chaos.files import sales
from tests.chaos.scenarios import run_together, waiting_files
from tests.chaos.verify import verify
from tests.chaos.world import World

SOURCES = 6
SECONDS = 400
PARAMETERS = {"SmallFileBytes": "0", "GlueMaxConcurrentRuns": "1"}
ROLE = "CleanJobRole"
SCRIPTS_OWN = ("s3:GetObjectVersion", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket")
"""Not s3:GetObject: most of these calls fetch the script and its code before it runs."""


class Jobs:
    """Runs of large files; each is disturbed by faults at several calls, or killed at one."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._number = 0

    def outcomes(self) -> Iterator[Outcome]:
        """Play everything, one job after the other."""
        found = [point for point in self._observe() if point.action in SCRIPTS_OWN]
        for kind in (FAILS, LOST, LOST_ONCE):
            yield from self._disturb(_spread(found), replace(kind, times=1))
        for point in _spread(found):
            yield from self._disturb([point], KILLED)

    def limit(self, world: World) -> Sequence[str]:
        """Glue's limit of concurrent runs is reached: two large files at once, where one job may run."""
        keys = [f"sales/L{number:03}/2025-03-05.csv" for number in range(2)]
        for number, key in enumerate(keys):
            world.put(key, sales(number, store=f"L{number:03}"))
        return keys

    def _observe(self) -> list[Point]:
        since = faults.calls(self.world.aws)[-1].number
        self._run()
        return points(faults.calls(self.world.aws, since=since), (ROLE,))

    def _disturb(self, struck: Sequence[Point], kind: Kind) -> Iterator[Outcome]:
        begun = time.monotonic()
        for point in struck:
            strike(self.world.aws, point, kind)
        keys, hanging = self._run()
        strikes = faults.fired_each(self.world.aws)
        faults.clear(self.world.aws)
        survived, verified = UNHELPED, verify(self.world, keys)
        if hanging or not verified.right:
            self._together_again(keys)
            hanging = self.world.settle(seconds=SECONDS)
            survived, verified = REDRIVEN, verify(self.world, keys)
        right = verified.right and not hanging
        seconds = round((time.monotonic() - begun) / len(struck), 2)
        for point, times in zip(struck, strikes, strict=True):
            outcome = BROKEN if not right else survived if times else UNREACHED
            name = f"{point} {kind.name}, in a job of {SOURCES} sources"
            problems = [] if right else [*hanging, *verified.problems]
            yield Outcome("glue", name, kind.name, outcome, seconds, times, verified.lost, verified.doubled, problems)

    def _run(self) -> tuple[list[str], list[str]]:
        self._number += 1
        keys, sources = waiting_files(self.world, f"J{self._number}", SOURCES)
        run_together(self.world, sources)
        return keys, self.world.settle(seconds=SECONDS)

    def _together_again(self, keys: Sequence[str]) -> None:
        """Redrive what has failed as one run: as many jobs as files would take as many minutes."""
        ledger = Ledger(self.world.aws.client("dynamodb"), self.world.ledger)
        failed = [ObjectVersion.from_item(item) for item in self.world.items(keys) if item.get("status") == FAILED]
        if failed:
            run_together(self.world, failed, attempt=max(ledger.reopen(source) for source in failed))


def _spread(found: Sequence[Point]) -> list[Point]:
    """The first, the middle and the last call of each action."""
    chosen = []
    for action in sorted({point.action for point in found}):
        calls = [point for point in found if point.action == action]
        chosen += sorted({calls[0], calls[len(calls) // 2], calls[-1]}, key=lambda point: point.nth)
    return chosen
