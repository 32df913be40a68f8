"""A sample of the campaign that takes every permission away (`make permissions` runs it whole)."""

from collections.abc import Iterator

import pytest

from tests.permissions.campaign import NEEDED, SUPERFLUOUS, Exercised, attempt, exercise
from tests.permissions.flows import FLOWS
from tests.permissions.policies import Permission, Policies
from tests.permissions.world import World

SAMPLE = (
    ("ValidateRole", "dynamodb:PutItem"),
    ("CleanRole", "kms:GenerateDataKey"),
    ("ReconcileRole", "s3:ListBucket"),
    ("EtlStateMachineRole", "athena:StartQueryExecution"),
    ("CheckRole", "athena:GetQueryResults"),
    ("CompleteRole", "s3:PutObjectVersionTagging"),
)


@pytest.fixture(scope="module")
def exercised(world: World) -> Exercised:
    return exercise(world, tuple(flow for flow in FLOWS if flow.name == "good"))


@pytest.fixture
def excess(world: World) -> Iterator[Permission]:
    """A permission that nothing needs."""
    name = world.stack.resources["ClaimRole"]
    resource = f"arn:aws:s3:::{world.raw}/*"
    statement = f'{{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "{resource}"}}'
    document = f'{{"Version": "2012-10-17", "Statement": [{statement}]}}'
    iam = world.aws.client("iam")
    iam.put_role_policy(RoleName=name, PolicyName="Excess", PolicyDocument=document)
    yield Permission("ClaimRole", "Excess", 0, "s3:GetObject", resource)
    iam.delete_role_policy(RoleName=name, PolicyName="Excess")


@pytest.mark.parametrize(("role", "action"), SAMPLE)
def test_without_a_permission_something_fails(world: World, exercised: Exercised, role: str, action: str) -> None:
    permission = next(one for one in Policies(world).all() if (one.role, one.action) == (role, action))

    trial = attempt(world, permission, exercised)

    assert (trial.outcome, trial.flow) == (NEEDED, "good")
    assert trial.refused, trial


def test_a_permission_that_nothing_misses_is_noticed(world: World, exercised: Exercised, excess: Permission) -> None:
    assert attempt(world, excess, exercised).outcome == SUPERFLUOUS
