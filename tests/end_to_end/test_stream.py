"""Records go from the stream to the table, to quarantine and into minutes, and every one is accounted for."""

from pathlib import Path

import pytest

from cli.stack.connection import deployed
from demo.posts import make
from demo.stream import STACK, Stream, demonstrate
from local import LocalAWS
from tests.end_to_end.command import Command


@pytest.fixture(scope="module")
def stream(aws: LocalAWS) -> Stream:
    return Stream(deployed(aws.session(), STACK))


def test_every_record_is_accounted_for_and_the_minutes_are_those_of_an_independent_sql(stream: Stream) -> None:
    assert demonstrate(stream, make(1_000)) == []


def test_the_command_sends_what_a_file_holds(stream: Stream, sluice: Command, tmp_path: Path) -> None:
    file = tmp_path / "posts.jsonl"
    file.write_bytes(b"\n".join(make(20, seed=8)) + b"\n\n")
    sent = sluice.json("stream", "sentiment", file)
    assert (sent["sent"], sent["sent_again"]) == (20, 0)
    stream.sent += 20
    account = stream.settle()
    assert account["rows"] == stream.sent
