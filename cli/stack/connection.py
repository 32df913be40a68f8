"""The stack that a command works on: a deployed one, or the one on the local AWS."""

import os
from dataclasses import dataclass, field
from typing import Annotated, Any

import boto3
import typer
from botocore.exceptions import ClientError

from sluice.aws.s3 import CLIENT_CONFIG
from sluice.errors import SluiceError
from sluice.ledger.ledger import Ledger

StackName = Annotated[
    str | None, typer.Option("--stack", envvar="SLUICE_STACK", help="A deployed stack. Without it: the local AWS.")
]
Profile = Annotated[str | None, typer.Option("--profile", help="AWS profile of the stack.")]
Region = Annotated[str | None, typer.Option("--region", help="AWS region of the stack.")]


NO_STACK = "no stack: use --stack NAME for a deployed one, or start a local one: sluice up"


class NoStack(SluiceError):
    """No stack to work on; the message says how to get one."""


@dataclass(frozen=True)
class Stack:
    """A deployed Sluice. outputs: of its CloudFormation stack."""

    name: str
    session: Any
    outputs: dict[str, str]
    local: bool
    _clients: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def client(self, service: str) -> Any:
        """Return a boto3 client, the same one each time."""
        if service not in self._clients:
            self._clients[service] = self.session.client(service, config=CLIENT_CONFIG)
        return self._clients[service]

    def output(self, name: str) -> str:
        """Return an output of the stack. Raises NoStack when it has none of that name."""
        try:
            return self.outputs[name]
        except KeyError:
            raise NoStack(f"the stack {self.name} has no output {name}: deploy this version") from None

    @property
    def raw(self) -> str:
        return self.output("RawBucketName")

    @property
    def lake(self) -> str:
        return self.output("LakeBucketName")

    @property
    def work(self) -> str:
        return self.output("WorkBucketName")

    @property
    def ledger_table(self) -> str:
        return self.output("LedgerTableName")

    @property
    def machine(self) -> str:
        return self.output("StateMachineArn")

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.client("dynamodb"), self.ledger_table)

    def uri(self, key: str) -> str:
        """Return the s3:// address of a key in the raw bucket, as in the ledger; an address is returned as it is."""
        return key if key.startswith("s3://") else f"s3://{self.raw}/{key}"

    def key(self, uri: str) -> str:
        """Return the key in the raw bucket of an address."""
        return uri.removeprefix(f"s3://{self.raw}/")


def connect(stack: str | None, profile: str | None, region: str | None) -> Stack:
    """Return the stack that the options name, or the one on the local AWS. Raises NoStack."""
    if stack is None and profile is None:
        return local_stack()
    if stack is None:
        raise NoStack(NO_STACK)
    return deployed(session_of(profile, region), stack)


def session_of(profile: str | None, region: str | None) -> boto3.Session:
    """Return a session of a profile in a region; boto3 itself reads AWS_DEFAULT_REGION, not AWS_REGION."""
    return boto3.Session(profile_name=profile, region_name=region or os.environ.get("AWS_REGION"))


def deployed(session: Any, name: str) -> Stack:
    """Return a deployed stack by its name. Raises NoStack."""
    cloudformation = session.client("cloudformation", config=CLIENT_CONFIG)
    try:
        description = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
        raise NoStack(f"there is no stack {name} in {session.region_name}") from error
    return Stack(name, session, _outputs(description), local=False)


def local_stack() -> Stack:
    """Return the Sluice on the local AWS of this checkout. Raises NoStack."""
    try:
        from local import detached
    except ModuleNotFoundError:  # the dependency group `local` is not installed
        raise NoStack(NO_STACK) from None
    try:
        session = detached.current().session()
    except detached.NotUp as none:
        raise NoStack(f"{NO_STACK} ({none})") from none
    except (detached.NotAnswering, detached.NoteNotTrusted) as error:
        raise NoStack(str(error)) from error
    for description in session.client("cloudformation").describe_stacks()["Stacks"]:
        outputs = _outputs(description)
        if "LedgerTableName" in outputs:
            return Stack(description["StackName"], session, outputs, local=True)
    raise NoStack("a local AWS is up, but Sluice is not deployed on it: sluice up")


def _outputs(description: dict[str, Any]) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in description.get("Outputs", [])}
