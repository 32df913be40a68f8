"""`sluice destroy`: removes what a deleted stack left."""

from typing import Annotated

import typer

from cli.stack.connection import Profile, Region, session_of
from cli.stack.retained import remove, retained
from cli.terminal import output
from cli.terminal.options import AsJson


def destroy(
    stack: Annotated[str, typer.Option("--stack", help="The deleted stack.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Remove what a deleted stack left: its buckets with all files and tables, its ledger, its keys.

    CloudFormation keeps what holds data when it deletes a stack (`sam delete`). This removes exactly that, for good:
    nothing restores the files. It asks for the name of the stack. A key and a secret are scheduled for deletion in
    seven days. It works for 90 days, as long as CloudFormation knows the deleted stack.

    Exit 0: removed, or nothing was left. 1: the name was not typed. 2: the stack is not deleted, or AWS refused.

    Example: sluice destroy --stack sluice-dev
    """
    session = session_of(profile, region)
    left = retained(session, stack)
    if not as_json:
        output.out.print(f"{len(left)} resources of {stack} are left" if left else f"nothing of {stack} is left")
        for each in left:
            output.out.print(f"  {each.name}: {each.id}", highlight=False)
    if left and not yes and typer.prompt("Type the name of the stack to remove them for good", err=True) != stack:
        output.fail("nothing was removed: that is not the name of the stack", code=1)
    removed = []
    for each in left:
        outcome = remove(session, each)
        removed.append({"resource": each.name, "type": each.kind, "id": each.id, "outcome": outcome})
        if not as_json:
            output.out.print(f"{each.name}: {outcome}", highlight=False)
    if as_json:
        output.print_json(removed)
