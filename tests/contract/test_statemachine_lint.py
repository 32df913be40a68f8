"""cfn-lint's own knowledge of the Amazon States Language, which it applies to inlined machines only."""

import json
from typing import Any

from cfnlint.api import lint

from tests.contract import declared


def findings(machine: dict[str, Any]) -> list[str]:
    # AWS takes an expression for MaxConcurrency, the linter only a number.
    definition = json.dumps(machine).replace("\"{% $number('${RunConcurrency}') %}\"", "4")
    for name in declared.template()["Resources"]["EtlStateMachine"]["Properties"]["DefinitionSubstitutions"]:
        arn = f"arn:aws:lambda:eu-west-1:123456789012:function:{name}"
        definition = definition.replace(f"${{{name}}}", arn)
    template = {
        "Resources": {
            "Machine": {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {
                    "Definition": json.loads(definition),
                    "RoleArn": "arn:aws:iam::123456789012:role/machine",
                },
            }
        }
    }
    return [str(match) for match in lint(json.dumps(template), regions=["eu-west-1"])]


def test_the_linter_finds_nothing() -> None:
    assert findings(declared.machine()) == []


def test_the_linter_would_find_a_wrong_field() -> None:
    broken = json.loads(json.dumps(declared.machine()))
    broken["States"]["Report"]["Retry"][0]["MaxAttempts"] = "six"

    assert findings(broken) != []
