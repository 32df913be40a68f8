"""Takes every permission of every role away, one at a time, and looks whether anything then fails.

A permission is an action on one resource of one statement of one policy. One that nothing misses is superfluous,
unless the local AWS cannot enforce it, or no flow here can need it: then it is listed with the reason. Those of which
that is expected are taken away together: what nothing misses all of, nothing misses one of.
"""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from local.faults import calls
from tests.permissions.expectations import TABLES
from tests.permissions.flows import FLOWS, Flow
from tests.permissions.policies import Permission, Policies
from tests.permissions.unproven import reason_of
from tests.permissions.uploads import good
from tests.permissions.world import World

NEEDED = "needed"
SUPERFLUOUS = "superfluous"
UNPROVEN = "not enforceable locally"
BROKEN_OFF = "broken off"

Exercised = dict[str, dict[str, set[str]]]
"""Flow → role → actions of its calls that were allowed."""


@dataclass(frozen=True)
class Trial:
    """What became of the stack without a permission."""

    permission: Permission
    outcome: str
    why: str
    flow: str = ""
    refused: tuple[str, ...] = ()
    seconds: float = 0.0


def exercise(world: World, flows: tuple[Flow, ...] = FLOWS) -> Exercised:
    """Run every flow with all permissions and return what they called. Raises AssertionError when one goes wrong."""
    policies = Policies(world)
    roles = {policies.name(role): role for role in policies.roles}
    done: Exercised = {}
    since = 0
    for flow in flows:
        wrong = flow.run(world)
        assert not wrong, f"{flow.name}, with every permission: {wrong}"
        settle(world)
        made = calls(world.aws, since=since)
        since = made[-1].number if made else since
        done[flow.name] = defaultdict(set)
        world.used |= flow.name == "good"
        for call in made:
            if call.role in roles:
                done[flow.name][roles[call.role]].add(call.action)
    return done


IN_ITS_NAME = {
    # Calls that the local AWS checks for a permission of another name.
    "kms:Decrypt": ("s3:GetObject", "s3:GetObjectVersion"),
    "kms:GenerateDataKey": ("s3:PutObject",),
    "dynamodb:UpdateItem": ("dynamodb:UpdateItem", "dynamodb:TransactWriteItems"),
    "sqs:ReceiveMessage": ("dynamodb:PutItem",),
    "sqs:DeleteMessage": ("dynamodb:PutItem",),
    "sqs:GetQueueAttributes": ("dynamodb:PutItem",),
    "s3:GetObjectVersion": ("s3:GetObjectVersion", "s3:GetObject"),
    "lambda:InvokeFunction": ("s3:PutObject",),  # Firehose's, before it writes
}
BY_ITSELF = {"logs:CreateLogDelivery", "logs:PutResourcePolicy", "logs:DescribeLogGroups"}


def kin(action: str) -> set[str]:
    """The calls that a permission is asked for."""
    return {action, *IN_ITS_NAME.get(action, ())}


def candidates(permission: Permission, exercised: Exercised) -> list[str]:
    """The flows that may need a permission, the quick ones first."""
    if permission.action in BY_ITSELF:
        return [name for name in exercised if name == "logging_machine"]
    wanted = kin(permission.action)
    meant = {flow.name for flow in FLOWS if not flow.only or permission.role in flow.only}
    return [name for name, roles in exercised.items() if name in meant and wanted & roles.get(permission.role, set())]


def attempt(world: World, permission: Permission, exercised: Exercised) -> Trial:
    """Take a permission away, run what may need it until something fails, give it back."""
    started = time.monotonic()
    missed = missing(world, [permission], exercised)
    seconds = round(time.monotonic() - started, 1)
    if missed:
        flow, wrong, refused = missed
        return Trial(permission, NEEDED, most_telling(wrong), flow, refused, seconds)
    return unmissed(permission, exercised, seconds=seconds)


def unmissed(permission: Permission, exercised: Exercised, *, seconds: float = 0.0) -> Trial:
    """What a permission is that nothing missed."""
    if reason := reason_of(permission.role, permission.action, permission.resource):
        return Trial(permission, UNPROVEN, reason, seconds=seconds)
    names = ", ".join(candidates(permission, exercised))
    why = f"nothing failed in {names or 'any flow: no call of it'}"
    return Trial(permission, SUPERFLUOUS, why, seconds=seconds)


def missing(
    world: World, permissions: Sequence[Permission], exercised: Exercised
) -> tuple[str, list[str], tuple[str, ...]] | None:
    """The first flow that fails without all of the permissions, what went wrong, and what was refused.

    None when nothing misses them: then nothing misses a single one of them, either.
    """
    policies = Policies(world)
    names = {name for permission in permissions for name in candidates(permission, exercised)}
    watched = {(policies.name(one.role), action) for one in permissions for action in kin(one.action)}
    for flow in (flow for flow in FLOWS if flow.name in names):
        with policies.without(*permissions), world.watching(watched):
            wrong = flow.run(world)
            refused = tuple(sorted({call.action for call in world.refused()}))
        settle(world)
        if wrong:
            return flow.name, wrong, refused
    return None


def most_telling(wrong: list[str]) -> str:
    """Of what went wrong, what names the missing permission, if anything does."""
    return next((text for text in wrong if "AccessDenied" in text or "not authorized" in text), wrong[0])


def settle(world: World) -> None:
    """Wait until no run is under way, and forget uploads that could not be handled."""
    world.wait(world.running, lambda running: not running)
    world.aws.client("sqs").purge_queue(QueueUrl=world.stack.outputs["UploadQueueUrl"])
    rewrite(world)


def rewrite(world: World) -> None:
    """Make the tables again, where a trial has left none."""
    tables = world.aws.client("glue").get_tables(DatabaseName=world.stack.outputs["DatabaseName"])["TableList"]
    if world.used and not {*TABLES} <= {table["Name"] for table in tables}:
        good(world)


def document(trials: Sequence[Trial], exercised: Exercised) -> dict[str, Any]:
    """The saved result of a campaign."""
    outcomes = (NEEDED, SUPERFLUOUS, UNPROVEN, BROKEN_OFF)
    found = {outcome: sum(trial.outcome == outcome for trial in trials) for outcome in outcomes}
    return {
        "permissions": len(trials),
        "tried": found[NEEDED] + found[SUPERFLUOUS],
        "failures_seen": found[NEEDED],
        "superfluous": found[SUPERFLUOUS],
        "not_enforceable_locally": found[UNPROVEN],
        "broken_off": found[BROKEN_OFF],
        "flows": list(exercised),
        "trials": [asdict(trial) for trial in trials],
    }
