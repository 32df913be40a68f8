"""`sluice doctor`: what stands in the way, here and in the stack."""

from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.text import Text

from cli.commands.up import TEMPLATE
from cli.stack import diagnose
from cli.stack.connection import NoStack, Profile, Region, StackName, connect
from cli.stack.diagnose import BAD, OK, Finding
from cli.terminal import output
from cli.terminal.errors import told
from cli.terminal.options import AsJson

_COLOURS = {OK: "green", BAD: "bold red"}


def doctor(
    drift: Annotated[
        bool, typer.Option("--drift", help="Also let CloudFormation look for what was changed by hand (a minute).")
    ] = False,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Look for what stands in the way: versions, Java, credentials, permissions, drift, and what waits.

    Permissions are tried by harmless calls; those to write are asked of IAM's simulator, where that is allowed.
    Drift: the template and the code of this folder against those of the stack.

    Exit 0: nothing is wrong. 1: something is.

    Example: sluice doctor --stack sluice-prod --profile ops
    """
    findings = diagnose.this_machine()
    try:
        where = connect(stack, profile, region)
    except NoStack as none:
        findings.append(Finding("stack", BAD, str(none)))
    except (BotoCoreError, ClientError) as fault:
        findings.append(Finding("stack", BAD, told(fault)))
    else:
        with output.status("looking"):
            findings += diagnose.identity(where)
            findings += diagnose.reading(where)
            findings += diagnose.writing(where)
            findings += diagnose.deployed(where, TEMPLATE)
            findings += diagnose.waiting(where)
            findings += diagnose.drifted(where) if drift else []
    if as_json:
        output.print_json([vars(each) for each in findings])
    else:
        _print(findings)
    raise typer.Exit(1 if any(each.state == BAD for each in findings) else 0)


def _print(findings: list[Finding]) -> None:
    listed = output.table("", "what", "finding", folded=("finding",))
    for each in findings:
        listed.add_row(Text(each.state, style=_COLOURS.get(each.state, "yellow")), each.what, Text(each.told))
    output.out.print(listed, highlight=False)
