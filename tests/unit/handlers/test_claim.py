from dataclasses import replace

import pytest

from sluice.errors import ClaimRefused, SourceBusy
from tests.unit.cloud import Cloud
from tests.unit.sales_rows import as_csv

KEY = "sales/S001/2025-03-05.csv"


@pytest.mark.parametrize(("limit", "engine"), [("1000000", "polars"), ("100", "spark")])
def test_the_size_of_a_file_chooses_its_engine(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, limit: str, engine: str):
    monkeypatch.setenv("SMALL_FILE_BYTES", limit)
    source = cloud.put(KEY, as_csv({}, {}))
    cloud.run(source, until="validate")
    assert cloud.step("claim", source) == {"id": source.id, "claimed": True, "engine": engine}
    assert cloud.ledger.entry(source)["engine"] == engine


def test_a_compressed_file_counts_as_the_text_in_it(cloud: Cloud, monkeypatch: pytest.MonkeyPatch):
    import gzip

    text = as_csv(*[{}] * 200)
    packed = gzip.compress(text.encode())
    monkeypatch.setenv("SMALL_FILE_BYTES", str(len(text) - 1))
    assert len(packed) < len(text) - 1
    source = cloud.put(f"{KEY}.gz", packed)
    cloud.run(source, until="validate")
    assert cloud.step("claim", source)["engine"] == "spark"


def test_a_source_of_another_bucket_is_refused(cloud: Cloud):
    source = replace(cloud.put(KEY, as_csv({})), bucket="someone-elses")
    with pytest.raises(ClaimRefused, match="raw bucket"):
        cloud.invoke("claim", {"run_id": "sales-1", "dataset": "sales", "source": source.to_dict()})


def test_a_newer_upload_waits_for_the_older_one_s_run_and_then_replaces_it(cloud: Cloud):
    first = cloud.put(KEY, as_csv({}), "01")
    cloud.run(first, until="publish")
    second = cloud.put(KEY, as_csv({}, {}), "02")
    cloud.validate(second)
    with pytest.raises(SourceBusy):
        cloud.step("claim", second)
    cloud.step("complete", first)
    for state in ("claim", "clean", "reconcile", "publish", "complete", "remove_replaced"):
        cloud.step(state, second)
    assert cloud.table().height == 2


def test_an_overtaken_run_has_nothing_to_do(cloud: Cloud):
    first = cloud.put(KEY, as_csv({}), "01")
    cloud.validate(first)
    cloud.validate(cloud.put(KEY, as_csv({}, {}), "02"))
    assert cloud.step("claim", first)["claimed"] is False
    assert cloud.ledger.entry(first)["status"] == "SUPERSEDED"
