"""`sluice doctor`: checks this machine and the stack for problems."""

from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.text import Text

from cli.stack import diagnose
from cli.stack.connection import NoStack, Profile, Region, StackName, connect
from cli.stack.deployment import TEMPLATE
from cli.stack.diagnose import BAD, OK, Finding
from cli.stack.quotas import quotas
from cli.terminal import output
from cli.terminal.errors import advised
from cli.terminal.listing import Listing
from cli.terminal.options import AsJson

_COLOURS = {OK: "green", BAD: "bold red"}


def doctor(
    drift: Annotated[
        bool, typer.Option("--drift", help="Also let CloudFormation detect changes by hand (takes a minute).")
    ] = False,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Check versions, Java, credentials, permissions, quotas, drift, and files that make no progress.

    Read permissions are checked by calls that change nothing, write permissions by IAM's simulator, where it may be
    called. The template and the code of this folder are compared with those of the stack.

    Exit 0: no problem. 1: a problem was found.

    Example: sluice doctor --stack sluice-prod --profile ops
    """
    findings = diagnose.this_machine()
    try:
        where = connect(stack, profile, region)
    except NoStack as none:
        findings.append(Finding("stack", BAD, str(none)))
    except (BotoCoreError, ClientError) as error:
        findings.append(Finding("stack", BAD, advised(error)))
    else:
        with output.status("checking"):
            findings += diagnose.identity(where)
            findings += diagnose.reading(where)
            findings += diagnose.writing(where)
            findings += diagnose.deployment(where, TEMPLATE)
            findings += quotas(where)
            findings += diagnose.backlog(where)
            findings += diagnose.drifted(where) if drift else []
    if as_json:
        output.print_json([vars(each) for each in findings])
    else:
        _print(findings)
    raise typer.Exit(1 if any(each.state == BAD for each in findings) else 0)


def _print(findings: list[Finding]) -> None:
    listed = Listing(("", "what", "finding"), prose=("finding",))
    for each in findings:
        listed.add_row(Text(each.state, style=_COLOURS.get(each.state, "yellow")), each.what, Text(each.detail))
    listed.print(output.out)
