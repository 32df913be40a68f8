"""`make chaos`: the whole campaign, in at most so many minutes; writes out/chaos.json, fails when anything broke.

All faults take an hour: `--part` runs one part, and `--shard` a share of the faults at calls, the same each time.
"""

import argparse
import shutil
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from queue import Empty, SimpleQueue
from zlib import crc32

from rich.console import Console

from local import LocalAWS
from tests.chaos import report, spark
from tests.chaos.campaign import BROKEN, Campaign, Outcome
from tests.chaos.faults import Disturbance
from tests.chaos.late import late_publishes
from tests.chaos.scenarios import SCENARIOS, many_files_at_once, play
from tests.chaos.verify import verify
from tests.chaos.world import World

OUT = Path(__file__).parents[2] / "out" / "chaos.json"
WAIT_SCALE = 0.01
"""A crawl is looked at after 0.3 s instead of 30 s, a retry comes after a hundredth of its pause."""
SPARK_WAIT_SCALE = 0.1
"""A job takes as long here as on Glue: a hundredth of the pauses between tries would be over before it is done."""
THROTTLED_WAIT_SCALE = 1.0
"""Functions take longer here than in AWS: at a tenth of the pauses one of 60 runs had used up its tries."""
NEW_ACCOUNT, BURST = 10, 300
"""Functions that a new account may run at a time, and files that arrive there at once."""
SPARK_SHARE = 0.35
"""Of the time, when the Glue job is disturbed as well."""
PARTS = ("glue", "throttled", "scenarios", "calls")
"""calls: faults at every call of the functions and the machine."""


class Run:
    """One campaign: outcomes as they come, and the time that is left."""

    def __init__(self, console: Console, minutes: float) -> None:
        self.console = console
        self.begun = time.monotonic()
        self.deadline = self.begun + 60 * minutes
        self.outcomes: list[Outcome] = []
        self.not_run = 0

    def take(self, outcomes: Iterable[Outcome], *, until: float) -> None:
        """Take outcomes until the time is up."""
        for outcome in outcomes:
            self.outcomes.append(outcome)
            style = "red" if outcome.survived == BROKEN else "dim"
            self.console.print(f"{outcome.seconds:7.2f} s  {outcome.survived:14} {outcome.fault}", style=style)
            if time.monotonic() > until:
                return

    def left(self, share: float) -> float:
        """The moment at which this share of the time that is left is over."""
        now = time.monotonic()
        return now + share * max(0.0, self.deadline - now)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=28, help="time for everything, to the next case")
    parser.add_argument("--lanes", type=int, default=2, help="local AWSs at the same time")
    parser.add_argument("--shard", type=int, nargs=2, default=(1, 1), metavar=("K", "N"), help="the Kth Nth of calls")
    parser.add_argument("--files", type=int, default=200, help="files that are uploaded at once")
    parser.add_argument("--part", action="append", choices=PARTS, help="only this part; all by default")
    given = parser.parse_args()
    shard, shards = given.shard
    if not 1 <= shard <= shards:
        parser.error("--shard K N: K is from 1 to N")
    parts = given.part or PARTS
    run = Run(Console(), given.minutes)
    if "glue" in parts and shutil.which("java") is None:
        run.console.print("The Glue job is left out: Spark needs Java 17, which is not on this machine.")
    elif "glue" in parts:
        large(run, until=run.deadline if parts == ["glue"] else run.left(SPARK_SHARE))
    if "throttled" in parts:
        throttled(run)
    if {"scenarios", "calls"} & {*parts}:
        small(run, parts=parts, lanes=given.lanes, files=given.files, shard=shard, shards=shards)
    found = report.document(run.outcomes, seconds=time.monotonic() - run.begun, not_run=run.not_run)
    report.write(found, OUT)
    report.show(run.console, run.outcomes, found)
    nothing = {"glue", "calls"} & {*parts} and not found["faults"]
    return 1 if nothing or found["broken"] or found["rows_lost"] or found["rows_doubled"] else 0


def small(run: Run, *, parts: Collection[str], lanes: int, files: int, shard: int, shards: int) -> None:
    """Faults at the calls of the functions and the machine, in several local AWSs, and the scenarios in the first."""
    work: SimpleQueue[Disturbance] = SimpleQueue()
    with LocalAWS(wait_scale=WAIT_SCALE) as aws:
        campaign = Campaign(World.create(aws))
        # In the order of their checksums, so that what the time leaves out is nothing in particular.
        plan = sorted(campaign.plan(), key=_checksum) if "calls" in parts else []
        for disturbance in plan:
            if _checksum(disturbance) % shards == shard - 1:
                work.put(disturbance)

        def first() -> None:
            scenarios = (*SCENARIOS, *late_publishes(), many_files_at_once(files)) if "scenarios" in parts else ()
            played = (play(campaign.world, scenario) for scenario in scenarios)
            run.take(chain(played, _disturbed(campaign, work)), until=run.deadline)
            run.outcomes.append(_everything(campaign.world))

        def other(lane: int) -> None:
            with LocalAWS(wait_scale=WAIT_SCALE) as aws:
                campaign = Campaign(World.create(aws), lane=lane)
                campaign.observe()
                run.take(_disturbed(campaign, work), until=run.deadline)
                run.outcomes.append(_everything(campaign.world))

        others = range(1, lanes) if plan else ()
        jobs: list[Callable[[], None]] = [first, *(lambda lane=lane: other(lane) for lane in others)]
        with ThreadPoolExecutor(lanes) as threads:
            for done in [threads.submit(job) for job in jobs]:
                done.result()
    run.not_run += work.qsize()


def throttled(run: Run) -> None:
    """A burst of files in an account with the concurrency of a new one."""
    with LocalAWS(wait_scale=THROTTLED_WAIT_SCALE, concurrency=NEW_ACCOUNT) as aws:
        world = World.create(aws)
        run.take([play(world, many_files_at_once(BURST), seconds=300)], until=run.deadline)
        run.outcomes.append(_everything(world))


def large(run: Run, *, until: float) -> None:
    """Faults at the calls of the Glue script, and its limit of concurrent runs."""
    with LocalAWS(wait_scale=SPARK_WAIT_SCALE) as aws:
        world = World.create(aws, **spark.PARAMETERS)
        jobs = spark.Jobs(world)
        run.take([play(world, jobs.limit, seconds=spark.SECONDS)], until=until)
        run.take(jobs.outcomes(), until=until)
        run.outcomes.append(_everything(world))


def _checksum(disturbance: Disturbance) -> int:
    return crc32(str(disturbance).encode())


def _disturbed(campaign: Campaign, work: "SimpleQueue[Disturbance]") -> Iterator[Outcome]:
    while True:
        try:
            yield campaign.disturb(work.get_nowait())
        except Empty:
            return


def _everything(world: World) -> Outcome:
    """All keys of a local AWS, verified once more at its end."""
    verified = verify(world)
    name = f"all {len(world.uploads)} keys at the end, {verified.rows:,} rows compared"
    survived = "without help" if verified.right else BROKEN
    return Outcome("scenario", name, "no fault", survived, 0, 0, verified.lost, verified.doubled, verified.problems)


if __name__ == "__main__":
    sys.exit(main())
