"""What the stack is for, each as a run that ends with a list of what is not as it should be (empty when all is)."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.permissions.commits import committed, recovered_commit, taken_out, uncommitted
from tests.permissions.failures import (
    late,
    late_manifest,
    recovered,
    recovered_new,
    replaced,
    republished,
    undone,
    undone_new,
)
from tests.permissions.large_files import large, stopped
from tests.permissions.services import buried, crawled, logging_machine, set_up, verified, watched
from tests.permissions.streams import streamed, undelivered
from tests.permissions.uploads import cold, corrected, described, first, good, rejected, released
from tests.permissions.world import World


@dataclass(frozen=True)
class Flow:
    """run: does it with files of its own and says what is wrong. only: the roles that it is for, all by default."""

    name: str
    run: Callable[[World], list[str]]
    only: tuple[str, ...] = ()


OF_STREAMS = ("DeliveryRole", "RouteRole", "WindowRole", "DeviceRole")
FLOWS = (
    Flow("logging_machine", logging_machine),
    Flow("set_up", set_up),
    Flow("buried", buried),
    Flow("rejected", rejected),
    Flow("good", good),
    Flow("crawled", crawled),
    Flow("described", described),
    Flow("watched", watched),
    Flow("verified", verified, only=("VerifyRole",)),
    Flow("released", released),
    Flow("republished", republished, only=("PublishRole",)),
    Flow("late", late),
    Flow("late_manifest", late_manifest, only=("PublishRole",)),
    Flow("undelivered", undelivered, only=OF_STREAMS),
    Flow("streamed", streamed, only=OF_STREAMS),
    Flow("cold", cold),
    Flow("first", first),
    Flow("corrected", corrected),
    Flow("undone_new", undone_new),
    Flow("undone", undone),
    Flow("recovered_new", recovered_new),
    Flow("recovered", recovered),
    Flow("replaced", replaced),
    Flow("committed", committed, only=("CommitRole", "EtlStateMachineRole")),
    Flow("uncommitted", uncommitted, only=("UndoRole",)),
    Flow("recovered_commit", recovered_commit, only=("RecoverRole",)),
    Flow("taken_out", taken_out, only=("RemoveReplacedRole",)),
    Flow("large", large),
    Flow("stopped", stopped),
)
"""The quick ones first."""
