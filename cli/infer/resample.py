"""`sluice new --resample`: the samples and contract.json of a contract that was edited."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from cli.contracts.changes import changes, needs_version
from cli.contracts.document import ContractDocument, contract_document, read, written
from cli.infer.sample_rows import SampleFiles, sample_files
from cli.infer.sampling import SampleRefused, read_samples
from sluice.contract.model import Contract
from sluice.errors import FileRejected


@dataclass(frozen=True)
class Resampled:
    """What was written. changed: how contract.json differs from before; unshown: reasons that no row of bad.csv shows.

    needs_version: whether contract.json was left as it is, for what is committed must not be broken in its version.
    """

    changed: tuple[str, ...]
    unshown: tuple[str, ...]
    needs_version: bool

    def lines(self, data: Path) -> Iterator[str]:
        yield from (f"  {change}" for change in self.changed)
        if self.needs_version:
            yield f"{data}/contract.json stays: raise the contract's version, for this breaks what is committed."
        for reason in self.unshown:
            yield (
                f"No row could be made for {reason}: add one to {data}/bad.csv and to bad.expected.csv; "
                "--resample keeps it."
            )


def resampled(contract: Contract, paths: Sequence[Path], data: Path) -> Resampled:
    """Write the samples again. Raises SampleRefused, FileRejected when the files do not fit the contract."""
    if contract.reads_objects:
        raise SampleRefused(f"{contract.name} reads JSON Lines, of which no samples are made: write them yourself")
    key = data / "key"
    samples = read_samples(paths, contract.reading.format)
    made = sample_files(samples, contract, parts=_parts(contract, key), former_bad=_former(data / "bad.csv"))
    now, before, committed = contract_document(contract), _document(data / "contract.json"), _committed(data)
    refused = committed is not None and needs_version(committed, now)
    found = changes(before, now) if before else []
    write_samples(data, made, None if refused else contract, encoding=contract.reading.format.encoding)
    lines = tuple(f"{change.touches}: {change.what}. {change.effect}" for change in found)
    return Resampled(lines, made.unshown, refused)


def write_samples(data: Path, made: SampleFiles, contract: Contract | None, *, encoding: str | None = None) -> None:
    """Write the samples, and contract.json of `contract`. encoding: the contract's, unless it is given."""
    used = encoding or (contract.reading.format.encoding if contract else "utf-8")
    data.mkdir(parents=True, exist_ok=True)
    (data / "good.csv").write_bytes(made.good.encode(used))
    (data / "bad.csv").write_bytes(made.bad.encode(used))
    lines = ["row_number,reasons", *(f"{number},{reasons}" for number, reasons in made.expected)]
    (data / "bad.expected.csv").write_text("\n".join(lines) + "\n")
    if contract:
        (data / "contract.json").write_text(written(contract_document(contract)))


def _parts(contract: Contract, key: Path) -> Mapping[str, str]:
    """Return what the key of the samples says. Raises SampleRefused where the contract compares it, and it is none."""
    text = key.read_text().strip() if key.exists() else ""
    parts = next((found for pattern in contract.patterns if text and (found := pattern.match(text))), None)
    if parts is None and contract.same_as_key:
        raise SampleRefused(f"the contract compares rows with the file's key: write one of {contract.files} to {key}")
    return parts or {}


def _former(path: Path) -> pl.DataFrame | None:
    if not path.exists():
        return None
    try:
        return read_samples([path]).rows
    except (SampleRefused, FileRejected):
        return None  # nothing of it can be kept


def _document(path: Path) -> ContractDocument | None:
    return read(path) if path.exists() else None


def _committed(data: Path) -> ContractDocument | None:
    """Return contract.json as git has it: what others may rely on. None where it was never committed."""
    git = shutil.which("git")
    if git is None or not data.exists():
        return None
    command = [git, "show", "HEAD:./contract.json"]
    shown = subprocess.run(command, cwd=data, capture_output=True, text=True, check=False)  # noqa: S603
    return dict(json.loads(shown.stdout)) if shown.returncode == 0 else None
