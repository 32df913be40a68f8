"""Fuzzes the parser and the key matcher guided by coverage (`make fuzz` runs it after the laws of Hypothesis).

Needs atheris, which `make fuzz` brings along for the time of the run. Options are libFuzzer's, such as
-max_total_time=300 (seconds) and -max_len=4096 (bytes).
"""

import logging
import sys
from dataclasses import replace

import atheris

with atheris.instrument_imports(include=["sluice"]):
    from datasets.sales import contract
    from sluice.contract.registry import match
    from sluice.errors import UnexpectedEvent, UnknownKey
    from sluice.ingest.upload_event import parse
    from sluice.validate import validator
    from tests.unit.reading import Bytes

HEADER = (",".join(contract.file_columns) + "\n").encode()
LENIENT = replace(contract, quarantine_limit=1.0)


def judge(data: bytes) -> None:
    """Any bytes are judged: nothing is raised, and no more rows are quarantined or discarded than there are."""
    report = validator.check(LENIENT, Bytes(data))
    if report.would_quarantine + sum(report.discarded.values()) > report.rows:
        raise AssertionError(f"{report.rows} rows, {report.would_quarantine} of them quarantined")


def follow(text: str) -> None:
    """Any key follows a pattern entirely, or none."""
    try:
        found = match(text)
    except UnknownKey:
        return
    if any(part not in text or "/" in part for part in found.parts.values()):
        raise AssertionError(f"{text!r} gave {found.parts}")


def receive(text: str) -> None:
    """Any message is an upload into our bucket, or refused."""
    try:
        source = parse(text, bucket="ours")
    except UnexpectedEvent:
        return
    if source.bucket != "ours":
        raise AssertionError(f"{text!r} is of {source.bucket}")


def one(data: bytes) -> None:
    """One input: its first byte chooses what is fuzzed."""
    if not data:
        return
    kind, rest = data[0] % 8, data[1:]
    if kind == 0:
        follow("sales/" + rest.decode(errors="ignore"))
    elif kind == 1:
        receive(rest.decode(errors="ignore"))
    elif kind == 2:
        judge(rest)
    else:
        judge(HEADER + rest)


if __name__ == "__main__":
    logging.disable()
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
