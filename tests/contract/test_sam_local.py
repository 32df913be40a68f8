"""What `sam local invoke` gives a function: the environment as the SAM CLI's own code resolves it."""

import json
import os
import subprocess
import sysconfig
from pathlib import Path

from tests.contract import declared
from tests.contract.runtime import invoke

SAM_PYTHON = declared.ROOT / "tests" / "sam" / ".venv" / "bin" / "python"
RESOLVE = """
import json, sys
from samcli.commands._utils.template import get_template_data
from samcli.lib.providers.sam_function_provider import SamFunctionProvider
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider
from samcli.local.lambdafn.env_vars import EnvironmentVariables
stacks, _ = SamLocalStackProvider.get_stacks("template.yaml")
function = SamFunctionProvider(stacks).get(sys.argv[1])
variables = (function.environment or {}).get("Variables", {})
given = EnvironmentVariables(function.name, function.memory, function.timeout, function.handler, variables=variables,
    override_values=json.loads(sys.argv[2]))
print(json.dumps(given.resolve()))
"""


def environment(function: str, **overrides: str) -> dict[str, str]:
    """The variables of a function in the SAM CLI's container. overrides: what --env-vars gives."""
    done = subprocess.run(
        [SAM_PYTHON, "-c", RESOLVE, function, json.dumps(overrides)],
        cwd=declared.ROOT,
        env=os.environ | {"SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "eu-west-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_route_needs_no_aws_and_answers_its_sample_event(tmp_path: Path) -> None:
    event = json.loads((declared.ROOT / "events" / "route.json").read_text())
    packages = Path(sysconfig.get_path("purelib"))
    variables = environment("RouteFunction")
    answer = invoke([declared.FUNCTIONS, packages], "route.handler", event, variables, tmp_path)
    assert [record["result"] for record in answer["records"]] == ["Ok", "ProcessingFailed"]
    assert answer["records"][0]["metadata"] == {"partitionKeys": {"dataset": "sentiment"}}


def test_names_come_from_the_file_of_variables_and_are_logical_ids_without_it() -> None:
    assert environment("WatchFunction")["RAW_BUCKET"] == "RawBucket"
    assert environment("WatchFunction", RAW_BUCKET="acme-sales-raw")["RAW_BUCKET"] == "acme-sales-raw"


def test_a_variable_that_the_template_does_not_declare_is_not_passed_so_no_other_endpoint_can_be_given() -> None:
    assert "AWS_ENDPOINT_URL" not in environment("WatchFunction", AWS_ENDPOINT_URL="http://127.0.0.1:4566")
