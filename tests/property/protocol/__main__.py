"""Explores the protocol with faults at every call: python -m tests.property.protocol [--seconds 1800] [--faults 1]."""

import argparse
import sys
from time import monotonic

from tests.property.protocol.scenarios import scenarios


def main() -> int:
    """Print each scenario's states and problems. Exit 1 when there is a problem or the time did not suffice."""
    options = argparse.ArgumentParser(prog="python -m tests.property.protocol")
    options.add_argument("--seconds", type=float, default=1800, help="for all scenarios together")
    options.add_argument("--faults", type=int, default=1, help="how many may happen in one history")
    options.add_argument("--only", default="", help="scenarios whose names contain this")
    options.add_argument("--small", action="store_true", help="states of the later version are one step each")
    given = options.parse_args()
    ends = monotonic() + given.seconds
    states, wrong = 0, 0
    both = [each for table in ("parquet", "iceberg") for each in scenarios(small=given.small, table=table)]
    for scenario in both:
        if given.only not in scenario.name:
            continue
        started = monotonic()
        found = scenario.explore(budget=given.faults, seconds=ends - started)
        states += found.states
        wrong += bool(found.violations) or not found.complete
        took = f"{found.states:8,} states {found.ends:7,} ends {monotonic() - started:5.1f} s"
        print(f"{scenario.name:60} {took}{'' if found.complete else '  (cut off)'}", flush=True)
        for problem, way in found.violations.items():
            print("  !!", problem)
            for step in way:
                print("       ", step[:200])
    print(f"{states:,} states, {wrong} scenarios with a problem or without an end")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
