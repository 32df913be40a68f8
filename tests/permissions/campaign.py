"""Takes every permission of every role away, one at a time, and looks whether anything then fails.

A permission is an action on one resource of one statement of one policy. One that nothing misses is superfluous,
unless the local AWS cannot enforce it, or no flow here can need it: then it is listed with the reason.
"""

import copy
import json
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from local.faults import calls
from tests.contract import declared
from tests.permissions.flows import FLOWS, Flow
from tests.permissions.unproven import reason_of
from tests.permissions.uploads import good
from tests.permissions.world import World

NEEDED = "needed"
SUPERFLUOUS = "superfluous"
UNPROVEN = "not enforceable locally"

Exercised = dict[str, dict[str, set[str]]]
"""Flow → role → actions of its calls that were allowed."""


@dataclass(frozen=True)
class Permission:
    """role: logical id. policy: name of an inline one, ARN of a managed one. statement: its number in the policy."""

    role: str
    policy: str
    statement: int
    action: str
    resource: str

    @property
    def managed(self) -> bool:
        return self.policy.startswith("arn:")


@dataclass(frozen=True)
class Trial:
    """What became of the stack without a permission."""

    permission: Permission
    outcome: str
    why: str
    flow: str = ""
    refused: tuple[str, ...] = ()
    seconds: float = 0.0


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


class Policies:
    """The policies of the stack's roles, as deployed."""

    def __init__(self, world: World) -> None:
        self._iam = world.aws.client("iam")
        # Roles of options that the campaign does not choose are not there.
        roles = [role for role in declared.resources("AWS::IAM::Role") if world.stack.resources.get(role)]
        self._names = {role: world.stack.resources[role] for role in roles}

    def all(self) -> Iterator[Permission]:
        for role in self._names:
            for policy, document in self._documents(role).items():
                for number, statement in enumerate(document["Statement"]):
                    for action in as_list(statement["Action"]):
                        for resource in as_list(statement["Resource"]):
                            yield Permission(role, policy, number, action, resource)

    @property
    def roles(self) -> list[str]:
        """The logical ids of the roles that are deployed."""
        return list(self._names)

    def name(self, role: str) -> str:
        return self._names[role]

    @contextmanager
    def without(self, gone: Permission) -> Iterator[None]:
        """Take a permission away, for a while."""
        role = self._names[gone.role]
        document = self._documents(gone.role)[gone.policy]
        rest = json.dumps(reduced(document, gone))
        if gone.managed:
            self._iam.put_role_policy(RoleName=role, PolicyName="rest", PolicyDocument=rest)
            self._iam.detach_role_policy(RoleName=role, PolicyArn=gone.policy)
        else:
            self._iam.put_role_policy(RoleName=role, PolicyName=gone.policy, PolicyDocument=rest)
        try:
            yield
        finally:
            if gone.managed:
                self._iam.attach_role_policy(RoleName=role, PolicyArn=gone.policy)
                self._iam.delete_role_policy(RoleName=role, PolicyName="rest")
            else:
                whole = json.dumps(document)
                self._iam.put_role_policy(RoleName=role, PolicyName=gone.policy, PolicyDocument=whole)

    def _documents(self, role: str) -> dict[str, dict[str, Any]]:
        name, iam = self._names[role], self._iam
        found = {
            policy: iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]
        }
        for attached in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
            arn = attached["PolicyArn"]
            version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            found[arn] = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
        return found


def reduced(document: dict[str, Any], gone: Permission) -> dict[str, Any]:
    """The policy document without one action on one resource."""
    rest = copy.deepcopy(document)
    statement = rest["Statement"].pop(gone.statement)
    actions = [action for action in as_list(statement["Action"]) if action != gone.action]
    resources = [resource for resource in as_list(statement["Resource"]) if resource != gone.resource]
    if actions:
        rest["Statement"].append(statement | {"Action": actions})
    if resources:
        rest["Statement"].append(statement | {"Action": [gone.action], "Resource": resources})
    if not rest["Statement"]:
        nothing = {"Effect": "Deny", "Action": "iam:CreateUser", "Resource": "*"}  # a document must have a statement
        rest["Statement"].append(nothing)
    return rest


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
    return [name for name, roles in exercised.items() if wanted & roles.get(permission.role, set())]


def attempt(world: World, permission: Permission, exercised: Exercised) -> Trial:
    """Take a permission away, run what may need it until something fails, give it back."""
    policies = Policies(world)
    names = candidates(permission, exercised)
    flows = [flow for flow in FLOWS if flow.name in names]
    started = time.monotonic()
    for flow in flows:
        with policies.without(permission), world.watching(policies.name(permission.role), kin(permission.action)):
            wrong = flow.run(world)
            refused = tuple(sorted({call.action for call in world.refused()}))
        settle(world)
        if wrong:
            seconds = round(time.monotonic() - started, 1)
            return Trial(permission, NEEDED, most_telling(wrong), flow.name, refused, seconds)
    if reason := reason_of(permission.role, permission.action, permission.resource):
        return Trial(permission, UNPROVEN, reason)
    return Trial(permission, SUPERFLUOUS, f"nothing failed in {', '.join(names) or 'any flow: no call of it'}")


def most_telling(wrong: list[str]) -> str:
    """Of what went wrong, what names the missing permission, if anything does."""
    return next((text for text in wrong if "AccessDenied" in text or "not authorized" in text), wrong[0])


def settle(world: World) -> None:
    """Wait until no run is under way, and forget uploads that could not be handled."""
    world.wait(world.running, lambda running: not running)
    world.aws.client("sqs").purge_queue(QueueUrl=world.stack.outputs["UploadQueueUrl"])
    mend(world)


def mend(world: World) -> None:
    """Make the tables again, where a trial has left none."""
    tables = world.aws.client("glue").get_tables(DatabaseName=world.stack.outputs["DatabaseName"])["TableList"]
    if world.used and not {"guests", "guests_quarantine"} <= {table["Name"] for table in tables}:
        good(world)


def document(trials: list[Trial], exercised: Exercised) -> dict[str, Any]:
    """What is kept of a campaign."""
    found = {outcome: sum(trial.outcome == outcome for trial in trials) for outcome in (NEEDED, SUPERFLUOUS, UNPROVEN)}
    return {
        "permissions": len(trials),
        "tried": len(trials) - found[UNPROVEN],
        "failures_seen": found[NEEDED],
        "superfluous": found[SUPERFLUOUS],
        "not_enforceable_locally": found[UNPROVEN],
        "flows": list(exercised),
        "trials": [asdict(trial) for trial in trials],
    }
