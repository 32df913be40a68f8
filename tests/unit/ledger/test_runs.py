import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.aws.object_version import ObjectVersion
from sluice.ledger import runs
from sluice.ledger.runs import Run, portions
from tests.unit.cloud import MACHINE, Cloud

ONE = ObjectVersion(bucket="raw", key="sales/S1/2025-03-05.csv", version_id="v1", sequencer="0a", size=10)
TWO = replace(ONE, key="sales/S2/2025-03-05.csv")


def test_the_same_sources_make_the_same_run_in_any_order():
    assert Run.of("sales", [ONE, TWO]) == Run.of("sales", [TWO, ONE])
    assert Run.of("sales", [ONE, TWO]).to_json() == Run.of("sales", [TWO, ONE]).to_json()
    assert Run.of("sales", [ONE]).run_id != Run.of("sales", [replace(ONE, version_id="v2")]).run_id


def test_an_attempt_has_a_name_of_its_own():
    assert Run.of("sales", [ONE], attempt=2).run_id == Run.of("sales", [ONE]).run_id + "-2"


def test_the_longest_name_is_a_legal_execution_name():
    assert len(Run.of("d" * 63, [ONE], attempt=99_999).run_id) <= 80


@pytest.mark.parametrize("sources", [[], [replace(ONE, key=str(number)) for number in range(101)]])
def test_a_run_takes_one_to_a_hundred_sources(sources: list[ObjectVersion]):
    with pytest.raises(ValueError, match="1 to 100"):
        Run.of("sales", sources)


@pytest.mark.parametrize(("letter", "most"), [("s", 100), ("\u0436" * 420, 40), ("\x01" * 1000, 7)])
def test_many_long_names_are_run_in_portions_whose_failures_fit_between_two_states(letter: str, most: int):
    sources = [replace(ONE, key=f"sales/{letter}{number:03}", version_id="v" * 32) for number in range(150)]
    found = list(portions(sources))
    assert [source for some in found for source in some] == sources
    assert max(map(len, found)) <= most
    for some in found:
        run = Run.of("d" * 63, some, attempt=99)
        error = {"Error": "E" * 60, "Cause": "\U0001f600" * 500}
        failed = [{"source": source.to_dict(), "error": error, "undone": True} for source in run.sources]
        report = {"run_id": run.run_id, "dataset": run.dataset, "failed": failed}
        assert len(json.dumps(report, ensure_ascii=False).encode()) <= 262_144


def test_a_run_whose_input_is_too_long_is_refused():
    with pytest.raises(ValueError, match="40,000 bytes"):
        Run.of("sales", [replace(ONE, key=f"{number:02}" + "s" * 1000) for number in range(60)])


def test_a_run_takes_one_version_of_a_key():
    with pytest.raises(ValueError, match="two versions"):
        Run.of("sales", [ONE, replace(ONE, version_id="v2")])


@given(
    st.builds(ObjectVersion, st.text(), st.text(), st.text(), st.text("0123456789ABCDEF", max_size=32), st.integers(0))
)
def test_a_run_is_read_back_as_it_was_written(source: ObjectVersion):
    run = Run.of("sales", [source])
    assert Run.from_dict(json.loads(run.to_json())) == run


def test_a_source_with_another_s_id_is_refused():
    with pytest.raises(ValueError, match="is not the id"):
        ObjectVersion.from_dict({**ONE.to_dict(), "key": "other"})


def test_starting_twice_is_one_execution(cloud: Cloud):
    run = Run.of("sales", [ONE])
    runs.start(cloud.stepfunctions, MACHINE, run)
    runs.start(cloud.stepfunctions, MACHINE, run)
    runs.start(cloud.stepfunctions, MACHINE, replace(run, sources=(TWO,)))
    executions = cloud.stepfunctions.list_executions(stateMachineArn=MACHINE)["executions"]
    assert [execution["name"] for execution in executions] == [run.run_id]
