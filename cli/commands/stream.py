"""`sluice stream`: sends records, one JSON object a line, to the stream."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from cli.stack.connection import Profile, Region, StackName, connect
from cli.stack.send_records import StreamRefused, batches, records, send
from cli.terminal import output
from cli.terminal.options import AsJson
from sluice.contract import registry


def stream(
    dataset: Annotated[str, typer.Argument(help="Name of the dataset.")],
    file: Annotated[Path, typer.Argument(help="JSON Lines, or - for standard input.")],
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Send records to the stream; within minutes they are in the table of their dataset, or in its quarantine.

    Records are validated later: a line that is no record is quarantined with its text.

    Exit 0: all sent. 2: wrong usage, no stack or stream, or it refused records.

    Example: sluice stream sentiment posts.jsonl

    Example: tail -f posts.jsonl | sluice stream sentiment -
    """
    if not registry.load(dataset).reads_objects:
        raise StreamRefused(f"the files of {dataset} are not JSON Lines, so it has no stream")
    where = connect(stack, profile, region)
    if "RecordStreamName" not in where.outputs:
        raise StreamRefused(f"the stack {where.name} has no stream: deploy it with the parameter Streaming=yes")
    kinesis, name = where.client("kinesis"), where.output("RecordStreamName")
    sent = again = 0
    with _opened(file) as lines, output.progress(f"sending to {name}") as report:
        for batch in batches(records(dataset, lines)):
            again += send(kinesis, name, batch)
            sent += len(batch)
            report(sent)
    if as_json:
        output.print_json({"dataset": dataset, "stream": name, "sent": sent, "sent_again": again})
        return
    output.headline("sent", "bold green", f"{output.plural(sent, 'record')} to {name}")
    output.hint(f"sluice runs --dataset {dataset}")


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    if str(file) == "-":
        yield sys.stdin.buffer
        return
    if not file.is_file():
        raise typer.BadParameter(f"there is no file {file}", param_hint="FILE")
    with file.open("rb") as lines:
        yield lines
