"""A contract that has changed is replayed over what its former version had put into quarantine."""

import shutil
from pathlib import Path

from local import LocalAWS, deploy
from tests.end_to_end.command import Command, sales_file
from tests.end_to_end.conftest import ROOT


def changed_project(folder: Path) -> Path:
    """Copy what is deployed, with a second version of the contract, to which `fax` is a channel."""
    for name in ("functions", "packages", "statemachine", "glue"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    sales = folder / "functions" / "datasets" / "sales.py"
    text = sales.read_text()
    assert '"partner"' in text
    assert "version=1," in text
    sales.write_text(text.replace('"partner"', '"partner", "fax"').replace("version=1,", "version=2,"))
    return Path(shutil.copy(ROOT / "template.yaml", folder))


def test_a_changed_contract_is_replayed_over_the_quarantine(sluice: Command, aws: LocalAWS, tmp_path: Path):
    keys = [f"sales/S40{number}/2025-03-05.csv" for number in range(3)]
    with_fax = [sales_file(tmp_path / "files", key, *[{}] * 9, {"channel": "fax"}) for key in keys[:2]]
    *first, untouched = sluice.json("put", *with_fax, sales_file(tmp_path / "files", keys[2], {}))
    assert [(entry["quarantined"], entry["contract_version"]) for entry in first] == [(1, 1), (1, 1)]
    deploy(aws, changed_project(tmp_path), stack="sluice")
    try:
        result = sluice.json("replay", "--dataset", "sales")
    finally:
        deploy(aws, ROOT / "template.yaml", stack="sluice")
    accounts = {account["source"].split("/", 3)[3]: account for account in result["accounts"]}
    for key in keys[:2]:
        assert accounts[key]["before"] == {"rows": 10, "published": 9, "quarantined": 1, "discarded": 0}
        assert accounts[key]["after"] == {"rows": 10, "published": 10, "quarantined": 0, "discarded": 0}
    runs = {sluice.json("show", key)[0]["run_id"] for key in keys[:2]}
    assert len(runs) == 1  # one run for both
    assert sluice.json("show", keys[0])[0]["contract_version"] == 2
    assert keys[2] not in accounts
    assert sluice.json("show", keys[2])[0]["version"] == untouched["version"]
    (left,) = sluice.json("query", "SELECT count(*) AS n FROM sales_quarantine WHERE _source_key LIKE '%/S40%'")
    assert left == {"n": 0}
