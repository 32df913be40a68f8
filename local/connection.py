"""Connects clients to the running local AWS: boto3 sessions, and the environment of the aws CLI."""

from dataclasses import dataclass, field
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.loaders import create_loader

ROOT_ACCESS_KEY = "test"
ROOT_SECRET_KEY = "test"  # noqa: S105 (known to everyone: it opens nothing but this emulator)
ACCOUNT_ID = "000000000000"

# Parsing a service's model takes longer than most calls: all sessions share what one has parsed.
_LOADER = create_loader()


class LocalSession(boto3.Session):
    """A boto3 session whose every client talks to the local endpoint and never to AWS."""

    def __init__(self, endpoint: str, **credentials: Any) -> None:
        core = botocore.session.get_session()
        core.register_component("data_loader", _LOADER)
        super().__init__(botocore_session=core, **credentials)
        self._endpoint = endpoint

    def client(self, service_name: str, *args: Any, **kwargs: Any) -> Any:
        kwargs["endpoint_url"] = kwargs.get("endpoint_url") or self._endpoint  # awswrangler says None
        made: Any = super()
        return made.client(service_name, *args, **kwargs)

    def resource(self, service_name: str, *args: Any, **kwargs: Any) -> Any:
        kwargs.setdefault("endpoint_url", self._endpoint)
        made: Any = super()
        return made.resource(service_name, *args, **kwargs)


@dataclass
class Connection:
    """An address of a running local AWS.

    `endpoint` is an URL without a trailing slash, `region` the one its resources live in.
    """

    endpoint: str
    region: str
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def session(self, *, role_arn: str | None = None) -> LocalSession:
        """A session of the account's root, or of the role `role_arn` (whose trust policy must admit root)."""
        if role_arn is None:
            return LocalSession(
                self.endpoint,
                aws_access_key_id=ROOT_ACCESS_KEY,
                aws_secret_access_key=ROOT_SECRET_KEY,
                region_name=self.region,
            )
        answer = self.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="local")
        credentials = answer["Credentials"]
        return LocalSession(
            self.endpoint,
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
            region_name=self.region,
        )

    def client(self, service: str, **kwargs: Any) -> Any:
        """A boto3 client of `service` with the rights of the account's root; the same one each time."""
        if kwargs:
            return self.session().client(service, **kwargs)
        key = (self.endpoint, service)
        if key not in self._clients:
            config = Config(retries={"max_attempts": 2}, read_timeout=120)
            self._clients[key] = self.session().client(service, config=config)
        return self._clients[key]

    def env(self) -> dict[str, str]:
        """The environment that makes the plain `aws` CLI, or any SDK, talk to this endpoint as root."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": ROOT_ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": ROOT_SECRET_KEY,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
