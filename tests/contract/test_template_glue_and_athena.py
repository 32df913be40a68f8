"""Glue and Athena: bounded, encrypted, and running what this project is made of."""

import json
import tomllib
from typing import Any

from tests.contract import declared
from tests.contract.encryption import KEY_OR_NONE


def test_the_workgroup_decides_where_results_go_and_how_much_is_scanned() -> None:
    configuration = declared.resources("AWS::Athena::WorkGroup")["WorkGroup"]["WorkGroupConfiguration"]

    assert configuration["EnforceWorkGroupConfiguration"] is True
    assert configuration["BytesScannedCutoffPerQuery"] == {"Ref": "ScanLimitBytes"}
    assert configuration["ResultConfiguration"]["OutputLocation"] == {"Fn::Sub": "s3://${WorkBucket}/athena/"}
    assert configuration["ResultConfiguration"]["EncryptionConfiguration"] == {
        "EncryptionOption": {"Fn::If": ["Encrypted", "SSE_KMS", "SSE_S3"]},
        "KmsKey": KEY_OR_NONE,
    }


def test_the_glue_job_installs_wheels_of_the_lock_file_and_nothing_from_the_internet() -> None:
    packages = tomllib.loads((declared.ROOT / "uv.lock").read_text())["package"]
    locked = {package["name"]: package for package in packages}
    arguments = declared.resources("AWS::Glue::Job")["CleanJob"]["DefaultArguments"]
    text = (declared.ROOT / "packages" / "glue" / "requirements.txt").read_text()
    required = [line.split() for line in text.splitlines() if not line.startswith("#")]

    assert arguments["--additional-python-modules"] == {"Fn::GetAtt": ["Setup", "PackagesUri"]}
    assert arguments["--python-modules-installer-option"] == "--no-index"
    assert {line[0].partition("==")[0] for line in required} == needed(locked, ["polars", "pandera", "backports-zstd"])
    for pinned, *hashes in required:
        name, _, version = pinned.partition("==")
        assert version == locked[name]["version"]
        known = {f"--hash={wheel['hash']}" for wheel in locked[name]["wheels"]}
        assert hashes, name
        assert set(hashes) <= known, name


def needed(locked: dict[str, Any], names: list[str]) -> set[str]:
    """The packages and all that they need on Glue, by the lock file."""
    found: set[str] = set()
    while names:
        name = names.pop()
        if name not in found:
            found.add(name)
            names += [each["name"] for each in locked[name].get("dependencies", []) if "marker" not in each]
    return found


def test_the_glue_version_is_one_that_the_wheels_are_built_for() -> None:
    parameter = declared.template()["Parameters"]["GlueVersion"]

    assert parameter["AllowedValues"] == [parameter["Default"]] == ["6.0"]  # Python 3.13
    makefile = (declared.ROOT / "packages" / "glue" / "Makefile").read_text()
    assert "--python-version 3.13" in makefile
    assert "_x86_64" in makefile


def test_the_glue_job_is_bounded_and_never_repeats_itself() -> None:
    job = declared.resources("AWS::Glue::Job")["CleanJob"]

    assert job["MaxRetries"] == 0
    assert job["Timeout"] == {"Ref": "GlueTimeoutMinutes"}
    assert job["ExecutionProperty"] == {"MaxConcurrentRuns": {"Ref": "GlueMaxConcurrentRuns"}}
    assert job["DefaultArguments"]["--enable-auto-scaling"] == "true"
    assert job["DefaultArguments"]["--extra-py-files"] == {"Fn::GetAtt": ["Setup", "CodeUri"]}


def test_the_setup_runs_again_with_every_change_of_the_code() -> None:
    custom = declared.resources("Custom::Setup")["Setup"]

    # SAM publishes a version with a name of its own for each new content of CodeUri, but only with an alias.
    assert custom["CodeVersion"] == {"Ref": "SetupFunction.Version"}
    assert declared.functions()["SetupFunction"]["AutoPublishAlias"]


def test_the_crawler_looks_at_the_tables_of_the_contracts_and_changes_none() -> None:
    crawler = declared.resources("AWS::Glue::Crawler")["Crawler"]
    configuration = json.loads(crawler["Configuration"])

    tables = {"Fn::Split": [",", {"Fn::GetAtt": ["Setup", "Tables"]}]}
    assert crawler["Targets"] == {"CatalogTargets": [{"DatabaseName": {"Ref": "GlueDatabase"}, "Tables": tables}]}
    assert configuration["CrawlerOutput"] == {"Partitions": {"AddOrUpdateBehavior": "InheritFromTable"}}
    assert crawler["SchemaChangePolicy"] == {"UpdateBehavior": "LOG", "DeleteBehavior": "LOG"}
    assert "Schedule" not in crawler  # a crawl bills ten minutes
