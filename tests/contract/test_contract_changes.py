"""tests/data/<dataset>/contract.json is the contract as published to others; the code must agree with it."""

import json

import pytest

from cli.contracts.changes import changes, needs_version
from cli.contracts.document import contract_document, read
from sluice.contract import registry
from tests.contract.samples import DATA, advice


@pytest.mark.parametrize("dataset", sorted(registry.contracts()))
def test_an_incompatible_contract_has_a_new_version_and_what_was_agreed_is_up_to_date(dataset: str):
    agreed = read(DATA / dataset / "contract.json")
    now = contract_document(registry.load(dataset))
    broken = [change for change in changes(agreed, now) if change.breaks]
    assert not needs_version(agreed, now), ("raise the version, or, where none is deployed,", advice(dataset), broken)
    command = f"sluice diff tests/data/{dataset}/contract.json {dataset} --save"
    assert json.loads(json.dumps(now)) == agreed, f"compatible; say so: {command}; or {advice(dataset)}"
