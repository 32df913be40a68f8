"""Credentials with which a service of AWS acts under a role: the state machine, the job, the crawler, the function.

No patch of its own: the patches of those services share it.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.loaders import create_loader
from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import iam, sts

ENDPOINT = f"http://127.0.0.1:{os.environ.get('GATEWAY_PORT', '')}"
ANSWER_SECONDS = 960.0  # a little above the longest Lambda
# Parsing a service's model takes longer than most calls: all sessions share what one has parsed.
_LOADER = create_loader()


class RoleUnusable(Exception):
    """The role does not exist, or its trust policy does not admit the service."""


@dataclass(frozen=True)
class Credentials:
    """Credentials of a role's session; they do not expire while the emulator runs."""

    access_key: str
    secret_key: str
    token: str

    def environment(self) -> dict[str, str]:
        """What a subprocess needs to act under the role."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_SESSION_TOKEN": self.token,
            "AWS_ENDPOINT_URL": ENDPOINT,
            "AWS_REGION": get_region(),
            "AWS_DEFAULT_REGION": get_region(),
            "AWS_EC2_METADATA_DISABLED": "true",
        }


def credentials(role_arn: str, *, service: str, session: str) -> Credentials:
    """A session of `role_arn` for `service`, such as glue.amazonaws.com. Raises RoleUnusable."""
    name = role_arn.rsplit("/", 1)[-1]
    role = iam._roles.get(name)
    if role is None:
        raise RoleUnusable(f"role {role_arn} does not exist")
    if not _admits(role["AssumeRolePolicyDocument"], service):
        raise RoleUnusable(f"{service} is not authorized to perform: sts:AssumeRole on {role_arn}")
    digest = hashlib.sha256(f"{service}:{role_arn}:{session}:{get_region()}".encode()).hexdigest()
    found = Credentials(access_key=f"ASIA{digest[:16].upper()}", secret_key=digest, token=f"token-{digest}")
    sts.register_session(
        found.access_key,
        {
            "Arn": f"arn:aws:sts::{get_account_id()}:assumed-role/{name}/{session[:64]}",
            "UserId": f"AROA{digest[:16].upper()}:{session[:64]}",
            "SecretAccessKey": found.secret_key,
            "SessionToken": found.token,
        },
    )
    return found


def client(service: str, credentials: Credentials) -> Any:
    """A boto3 client of `service` in this request's region, which never retries by itself."""
    return _client(service, credentials, get_region())


@lru_cache(maxsize=256)
def _client(service: str, credentials: Credentials, region: str) -> Any:
    core = botocore.session.get_session()
    core.register_component("data_loader", _LOADER)
    session: Any = boto3.Session(
        botocore_session=core,
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
        aws_session_token=credentials.token,
        region_name=region,
    )
    config = Config(retries={"max_attempts": 0}, read_timeout=ANSWER_SECONDS, max_pool_connections=50)
    return session.client(service, endpoint_url=ENDPOINT, config=config)


def allowed(role_arn: str, action: str, resource: str = "*") -> bool:
    """Whether the role's own policies allow `action` on `resource`, for calls that AWS makes inside itself."""
    account = get_account_id()
    policies = iam_evaluator._gather_role_policies(role_arn.rsplit("/", 1)[-1], account)
    context = iam_evaluator.EvalContext(
        principal_arn=role_arn,
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=get_region(),
        service_context={},
        principal_keys={},
    )
    return bool(iam_evaluator.evaluate(context, policies).decision == "Allow")


def _admits(trust: str | dict[str, Any], service: str) -> bool:
    document = json.loads(trust) if isinstance(trust, str) else trust
    statements = document["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal")
        services = principal.get("Service", []) if isinstance(principal, dict) else []
        condition = {"StringEquals": {"aws:SourceAccount": get_account_id()}}
        if statement.get("Condition", condition) != condition:
            continue
        if statement["Effect"] == "Allow" and service in ([services] if isinstance(services, str) else services):
            return True
    return False
