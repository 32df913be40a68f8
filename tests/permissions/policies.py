"""The permissions of the deployed roles, and the roles without some of them."""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from tests.contract import declared
from tests.permissions.world import World


@dataclass(frozen=True)
class Permission:
    """role: logical id. policy: name of an inline one, ARN of a managed one. statement: its number in the policy."""

    role: str
    policy: str
    statement: int
    action: str
    resource: str


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
    def without(self, *gone: Permission) -> Iterator[None]:
        """Take permissions away, for a while."""
        with ExitStack() as back:
            for role, policy in sorted({(one.role, one.policy) for one in gone}):
                of_policy = [one for one in gone if (one.role, one.policy) == (role, policy)]
                back.enter_context(self._without(role, policy, of_policy))
            yield

    @contextmanager
    def _without(self, role: str, policy: str, gone: Sequence[Permission]) -> Iterator[None]:
        name, document = self._names[role], self._documents(role)[policy]
        rest = json.dumps(reduced(document, gone))
        managed = policy.startswith("arn:")
        left = f"rest-of-{policy.rsplit('/', 1)[-1]}" if managed else policy
        self._iam.put_role_policy(RoleName=name, PolicyName=left, PolicyDocument=rest)
        if managed:
            self._iam.detach_role_policy(RoleName=name, PolicyArn=policy)
        try:
            yield
        finally:
            if managed:
                self._iam.attach_role_policy(RoleName=name, PolicyArn=policy)
                self._iam.delete_role_policy(RoleName=name, PolicyName=left)
            else:
                self._iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))

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


def reduced(document: dict[str, Any], gone: Sequence[Permission]) -> dict[str, Any]:
    """The policy document without some actions, each on one resource."""
    without = {(one.statement, one.action, one.resource) for one in gone}
    rest = [
        statement | {"Action": [action], "Resource": left}
        for number, statement in enumerate(document["Statement"])
        for action in as_list(statement["Action"])
        if (left := [each for each in as_list(statement["Resource"]) if (number, action, each) not in without])
    ]
    nothing = {"Effect": "Deny", "Action": "iam:CreateUser", "Resource": "*"}  # a document must have a statement
    return document | {"Statement": rest or [nothing]}
