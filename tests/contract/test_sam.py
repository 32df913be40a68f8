"""What the SAM CLI makes of the template: valid, built, small enough, and importable with nothing else around."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path

import pytest
import yaml
from moto.moto_api._internal import moto_api_backend
from moto.server import ThreadedMotoServer

from local.template import read_template
from tests.contract import declared
from tests.contract.runtime import invoke
from tests.unit.cloud import ENVIRONMENT, REGION, WORK, Cloud
from tests.unit.pages import Page
from tests.unit.sales_rows import as_csv

ROOT = Path(__file__).parents[2]
SAM = ROOT / "tests" / "sam" / ".venv" / "bin" / "sam"
LAMBDA_LIMIT_MB = 262.144
"""Unzipped size of a function with its layers: the 250 MB of AWS's quotas are 262144000 bytes, as its error says."""
ROOM_MB = 20
UNCHECKED = b"\x01\0\0\0"
"""Bytecode that is believed without a look at the source (PEP 552): times and sizes change on the way to Lambda."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("sam") / "build"
    sam("build", "--build-dir", folder)
    return folder


def sam(*arguments: object) -> str:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # Python 3.13 compiles the layer
    environment = os.environ | {"SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "eu-west-1", "PATH": path}
    done = subprocess.run(
        [SAM, *map(str, arguments)], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def functions(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if (path / "sluice").is_dir())


def test_what_is_deployed_repeats_nothing_by_a_yaml_alias(built: Path):
    """CloudFormation refuses aliases; `sam build` writes them out, each the same as the template means it."""
    text = (built / "template.yaml").read_text()
    tokens = {type(token) for token in yaml.scan(text)}
    assert not tokens & {yaml.AnchorToken, yaml.AliasToken}
    sent = read_template(built / "template.yaml")["Resources"]
    meant = declared.template()["Resources"]
    assert sent.keys() == meant.keys()
    for name in (
        meant.keys()
        - declared.functions().keys()
        - {"PackagesLayer", "GluePackagesLayer", "EtlStateMachine", "CleanJob"}
    ):  # local paths
        assert without_metadata(sent[name]) == without_metadata(meant[name]), name


def without_metadata(resource: declared.Declaration) -> declared.Declaration:
    return {key: value for key, value in resource.items() if key != "Metadata"}


def test_the_template_is_valid():
    assert "is a valid SAM Template" in sam("validate", "--lint")


def test_what_is_built_fits_lambda_with_room(built: Path):
    layer = megabytes(built / "PackagesLayer")
    sizes = {path.name: layer + megabytes(path) for path in functions(built)}
    assert len(sizes) == len(declared.functions())
    assert max(sizes.values()) < LAMBDA_LIMIT_MB - ROOM_MB, sizes


def test_the_wheels_of_the_glue_job_install_without_an_index(built: Path, tmp_path: Path):
    wheels = built / "GluePackagesLayer" / "wheels"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--find-links", wheels, "--dry-run"]
    command += ["--target", tmp_path, "--python-version", "3.13", "--only-binary", ":all:"]
    command += ["--platform", "manylinux_2_28_x86_64", "--platform", "manylinux2014_x86_64"]
    subprocess.run([*map(str, command), "--requirement", str(wheels / "requirements.txt")], check=True)
    assert len(list(wheels.glob("*.whl"))) == len(declared_wheels())


def declared_wheels() -> list[str]:
    text = (ROOT / "packages" / "glue" / "requirements.txt").read_text()
    return [line for line in text.splitlines() if not line.startswith("#")]


def megabytes(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def test_a_cold_start_compiles_no_package(built: Path):
    packages = built / "PackagesLayer" / "python"
    compiled = [Path(cache_from_source(str(source))) for source in packages.rglob("*.py")]
    assert len(compiled) > 1_000
    assert {path.read_bytes()[:8] for path in compiled} == {MAGIC_NUMBER + UNCHECKED}
    polars = Path(cache_from_source(str(packages / "polars" / "__init__.py")))
    assert b"/opt/python/polars/__init__.py" in polars.read_bytes()


def test_the_layer_knows_the_services_that_the_functions_call_and_no_others(built: Path):
    known = {
        path.name for path in (built / "PackagesLayer" / "python" / "botocore" / "data").iterdir() if path.is_dir()
    }
    sources = [path.read_text() for path in (ROOT / "functions").rglob("*.py")]
    assert known == {name for source in sources for name in re.findall(r'client\("([a-z0-9-]+)"', source)}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The environment of a built function, with an AWS on the loopback interface."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    variables = ENVIRONMENT | {"AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_REGION": REGION}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    yield variables
    moto_api_backend.reset()
    server.stop()


def test_the_built_function_validates_an_upload_with_nothing_else_on_the_path(
    built: Path, tmp_path: Path, environment: dict[str, str]
):
    cloud = Cloud()
    upload = cloud.put("sales/S001/2025-03-05.csv", as_csv({}, {}, {}, {}, {}, {"quantity": "two"}))
    event = cloud.event("validate", upload)
    answer = invoke(
        [functions(built)[0], built / "PackagesLayer" / "python"], "validate.handler", event, environment, tmp_path
    )
    tags = cloud.s3.get_object_tagging(Bucket=upload.bucket, Key=upload.key, VersionId=upload.version_id)
    entry = cloud.ledger.entry(upload)
    assert answer == {"batchItemFailures": []}
    assert {tag["Key"]: tag["Value"] for tag in tags["TagSet"]}["sluice:validation"] == "accepted"
    assert (entry["rows"], entry["would_quarantine"]) == (6, 1)


def test_the_built_function_writes_a_page_with_nothing_else_on_the_path(
    built: Path, tmp_path: Path, environment: dict[str, str]
):
    cloud = Cloud()
    upload = cloud.put("sales/S001/2025-03-05.csv", as_csv({}, {"channel": "fax"}))
    cloud.validate(upload)
    event = next(message for message in cloud.messages() if message.get("detail-type") == "FileRejected")
    answer = invoke(
        [functions(built)[0], built / "PackagesLayer" / "python"], "describe.handler", event, environment, tmp_path
    )
    assert answer == {"pages": [f"reports/{upload.id}/report.html", "pages/sales.html"]}
    body = cloud.s3.get_object(Bucket=WORK, Key=f"reports/{upload.id}/report.html")["Body"].read().decode()
    assert Page(body).numbers == {"rows_in": 2, "quarantined": 1, "discarded": 0}
