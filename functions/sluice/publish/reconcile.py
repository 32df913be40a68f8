"""Compares the manifest of a cleaning with the validation report and the staged files, before a row is published."""

from collections.abc import Mapping
from typing import Any

from sluice.aws.object_version import ObjectVersion
from sluice.errors import ManifestRefused, RowsLost
from sluice.manifest import Manifest


def reconcile(
    manifest: Manifest,
    *,
    run_id: str,
    dataset: str,
    source: ObjectVersion,
    report: Mapping[str, Any],
    staged: Mapping[str, int],
) -> None:
    """Return when every row and every file is accounted for.

    report: the validation report of this object version. staged: path below the staging folder → bytes.
    Raises ManifestRefused when the manifest is of another run or source, RowsLost when rows or files are missing.
    """
    claims = {
        "run_id": (manifest.run_id, run_id),
        "dataset": (manifest.dataset, dataset),
        "source_key": (manifest.source_key, source.uri),
        "source_version": (manifest.source_version, source.version_id),
    }
    wrong = {name: claimed for name, (claimed, true) in claims.items() if claimed != true}
    if wrong:
        raise ManifestRefused(f"the manifest of {source.uri} in {run_id} says {wrong}")
    manifest.balance()
    if manifest.rows_in != report["rows"]:
        raise RowsLost(f"{source.uri}: cleaning read {manifest.rows_in:,} rows, validation {report['rows']:,}")
    same_rules = manifest.contract_version == report["contract_version"]
    if same_rules and manifest.quarantined != report["would_quarantine"]:
        raise RowsLost(
            f"{source.uri}: cleaning quarantined {manifest.quarantined:,} rows, "
            f"validation {report['would_quarantine']:,}"
        )
    for file in (*manifest.files, *manifest.quarantine_files):
        if staged.get(file.path) != file.bytes:
            there = f"has {staged[file.path]:,} bytes" if file.path in staged else "is not there"
            raise RowsLost(f"{source.uri}: the staged file {file.path} of {file.bytes:,} bytes {there}")
