"""Several local AWSs at the same time: a trial is waiting for the most part."""

import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Self

from tests.permissions.campaign import BROKEN_OFF, Exercised, Trial, attempt, candidates, exercise, missing, unmissed
from tests.permissions.flows import FLOWS, Flow
from tests.permissions.policies import Permission, Policies
from tests.permissions.unproven import SERVICE_KEY, reason_of
from tests.permissions.world import World, running

FIRST = next(flow for flow in FLOWS if flow.name == "good")
Work = tuple[int, ...]
"""Numbers of permissions that are tried together."""


class Lane:
    """A world of its own, and a new one when a trial has broken it."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._enter()

    def _enter(self) -> None:
        folder = self._open.enter_context(tempfile.TemporaryDirectory())
        self.world: World = self._open.enter_context(running(Path(folder)))
        self.permissions = list(Policies(self.world).all())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def renew(self) -> None:
        self._open.close()
        self._enter()
        exercise(self.world, (FIRST,))


class Lanes:
    """The campaign: what is to be tried, and what has come of it."""

    def __init__(self, count: int, flows: Sequence[Flow], *, roles: Sequence[str] | None, action: str) -> None:
        self.exercised: Exercised = {}
        self.trials: dict[int, Trial] = {}
        self.wanted: list[int] = []
        self._count, self._flows, self._roles, self._action = count, flows, roles, action
        self._work: list[Work] = []
        self._busy = 0
        self._changed = threading.Condition()

    def run(self, keep: Callable[[], None]) -> None:
        """Exercise the flows, then try every permission; `keep` is called whenever one is done."""
        with ThreadPoolExecutor(self._count) as threads, ExitStack() as opened:
            lanes = list(threads.map(lambda _: Lane(), range(self._count)))
            for lane in lanes:
                opened.push(lane)
            others = [flow for flow in self._flows if flow is not FIRST]
            shares = [(FIRST, *others[number :: self._count]) for number in range(self._count)]
            done = list(threads.map(lambda pair: exercise(pair[0].world, pair[1]), zip(lanes, shares, strict=True)))
            self.exercised = {flow.name: each[flow.name] for flow in self._flows for each in done if flow.name in each}
            self._plan(lanes[0].permissions)
            assert all(_alike(lane.permissions, lanes[0].permissions) for lane in lanes)
            for finished in [threads.submit(self._work_off, lane, keep) for lane in lanes]:
                finished.result()

    def _plan(self, permissions: Sequence[Permission]) -> None:
        self.wanted = [
            number
            for number, one in enumerate(permissions)
            if one.role in (self._roles or [one.role]) and fnmatchcase(one.action, self._action)
        ]
        together, single = [], []
        for number in self.wanted:
            one = permissions[number]
            reason = reason_of(one.role, one.action, one.resource)
            if not candidates(one, self.exercised):
                self.trials[number] = unmissed(one, self.exercised)
            elif reason and reason != SERVICE_KEY:
                together.append(number)
            else:
                single.append((number,))
        # What Spark has to be run for takes longest, and goes first.
        single.sort(key=lambda work: "Job" not in permissions[work[0]].role + permissions[work[0]].action)
        self._work = [*([tuple(together)] if together else []), *single]

    def _work_off(self, lane: Lane, keep: Callable[[], None]) -> None:
        while work := self._take():
            trials, rest = {}, [work]
            try:
                trials, rest = self._tried(lane, work)
            finally:
                with self._changed:
                    self._work[:0] = rest
                    self._busy -= 1
                    self._changed.notify_all()
            with self._changed:
                self.trials |= trials
                for number, trial in trials.items():
                    _print_trial(f"{len(self.trials)}/{len(self.wanted)}", lane.permissions[number], trial)
                keep()

    def _take(self) -> Work | None:
        with self._changed:
            # Who works on several may still hand halves of them back.
            self._changed.wait_for(lambda: self._work or not self._busy)
            if not self._work:
                return None
            self._busy += 1
            return self._work.pop(0)

    def _tried(self, lane: Lane, work: Work) -> tuple[dict[int, Trial], list[Work]]:
        """The trials, and what is left to be tried. One that breaks off is tried again in a new world."""
        for last in (False, True):
            try:
                return self._try(lane, work)
            except Exception as error:
                sys.stderr.write(f"broken off: {error!r}\n")
                lane.renew()
                if last:
                    why = f"twice: {error!r}"
                    return {number: Trial(lane.permissions[number], BROKEN_OFF, why) for number in work}, []
        raise AssertionError("the last try returns")

    def _try(self, lane: Lane, work: Work) -> tuple[dict[int, Trial], list[Work]]:
        if len(work) == 1:
            return {work[0]: attempt(lane.world, lane.permissions[work[0]], self.exercised)}, []
        started = time.monotonic()
        if missing(lane.world, [lane.permissions[number] for number in work], self.exercised):
            half = len(work) // 2
            return {}, [work[:half], work[half:]]
        seconds = round(time.monotonic() - started, 1)
        of = lane.permissions
        return {number: unmissed(of[number], self.exercised, seconds=seconds) for number in work}, []


def _alike(one: Sequence[Permission], other: Sequence[Permission]) -> bool:
    """Whether two worlds have the same permissions; names of resources differ."""
    return [(each.role, each.statement, each.action) for each in one] == [
        (each.role, each.statement, each.action) for each in other
    ]


def _print_trial(progress: str, permission: Permission, trial: Trial) -> None:
    name = f"{permission.role} {permission.action} {permission.resource.split(':', 5)[-1]}"
    sys.stderr.write(f"{progress} {trial.seconds:5.1f} s {name}: {trial.outcome} {trial.flow}\n")
