"""Checks the roles of the stack: each has what the template grants, and nothing else takes it away."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cli.smoke.steps import NotPossible, Unexpected
from cli.stack.connection import Stack
from cli.terminal.errors import code

_DEPLOY = "deploy the template again; if it stays, look for a policy of the organisation or a permissions boundary"


def permissions(stack: Stack, resources: Mapping[str, tuple[str, str]], template: Path) -> str:
    """Return how many permissions of how many roles are granted, by IAM's simulator.

    resources: logical id → type and name. Statements with a condition are compared, not simulated: the simulator
    does not know the caller. Raises Unexpected; NotPossible where IAM may not be asked.
    """
    from local.template import read_template

    granted = {name: set(_actions(_inline(role))) for name, role in read_template(template)["Resources"].items()}
    roles = {name: role for name, (kind, role) in resources.items() if kind == "AWS::IAM::Role"}
    missing: list[str] = []
    tried = 0
    try:
        for name, role in sorted(roles.items()):
            statements = list(_attached(stack, role))
            lost = granted.get(name, set()) - set(_actions(statements))
            missing += [f"{name} has no {action}" for action in sorted(lost)]
            arn = stack.client("iam").get_role(RoleName=role)["Role"]["Arn"]
            for statement in statements:
                tried += len(_listed(statement["Action"]))
                missing += [f"{name}: {denied}" for denied in _denied(stack, arn, statement)]
    except (ClientError, BotoCoreError) as error:
        raise NotPossible(
            f"IAM cannot be asked ({code(error)}): iam:GetRolePolicy, iam:SimulatePrincipalPolicy"
        ) from error
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise Unexpected("; ".join(missing[:5]) + more, _DEPLOY)
    return f"{tried} permissions of {len(roles)} roles"


def _inline(resource: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The statements of a role of the template, where no condition decides them."""
    if resource["Type"] != "AWS::IAM::Role":
        return []
    policies = resource.get("Properties", {}).get("Policies", [])
    return [each for policy in policies if "PolicyDocument" in policy for each in _statements(policy["PolicyDocument"])]


def _attached(stack: Stack, role: str) -> Iterator[dict[str, Any]]:
    """The statements that allow, of a deployed role's inline policies and of the stack's managed ones that it has."""
    iam = stack.client("iam")
    documents = [
        iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    ]
    for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        arn = policy["PolicyArn"]
        if ":aws:policy/" not in arn:
            version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            documents.append(iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"])
    for document in documents:
        for statement in _statements(json.loads(document) if isinstance(document, str) else document):
            if statement["Effect"] == "Allow":
                yield statement


def _statements(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [each for each in _listed(document["Statement"]) if isinstance(each, dict) and "Action" in each]


def _actions(statements: list[dict[str, Any]]) -> Iterator[str]:
    for statement in statements:
        if statement["Effect"] == "Allow":
            yield from (action for action in _listed(statement["Action"]) if isinstance(action, str))


def _denied(stack: Stack, arn: str, statement: Mapping[str, Any]) -> Iterator[str]:
    if "Condition" in statement:
        return
    # What the policies of an organisation ask for most often.
    given = {"aws:RequestedRegion": ("string", stack.machine.split(":")[3]), "aws:SecureTransport": ("boolean", "true")}
    context = [
        {"ContextKeyName": name, "ContextKeyType": kind, "ContextKeyValues": [value]}
        for name, (kind, value) in given.items()
    ]
    actions = [action for action in _listed(statement["Action"]) if "*" not in action]
    simulator = stack.client("iam").get_paginator("simulate_principal_policy")
    for resource in _listed(statement["Resource"]) if actions else []:
        pages = simulator.paginate(
            PolicySourceArn=arn, ActionNames=actions, ResourceArns=[resource], ContextEntries=context
        )
        for result in (each for page in pages for each in page["EvaluationResults"]):
            # A denial for want of a context key says nothing: the service would send it.
            if result["EvalDecision"] != "allowed" and not result.get("MissingContextValues"):
                yield f"{result['EvalActionName']} on {resource} is denied ({result['EvalDecision']})"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
