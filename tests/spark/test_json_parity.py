"""Both engines say the same of every record of JSON Lines."""

import gzip
import json
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from sluice.contract.registry import load
from tests.spark.engines import on_both

RECORDS = [
    {
        "post_id": f"p{number % 180}",
        "brand": ["Acme", " globex", "ACME"][number % 3],
        "text": None if number % 5 else 'says "é"\n🙂',
        "text_length": number,
        "score": number % 21 / 10 - 1,
        "posted_at": f"2026-11-{19 + number % 3}T09:{number % 60:02}:00Z",
        "received_at": f"2026-11-21T09:{number % 60:02}:{number % 7:02}Z",
        "lang": ["en"],
    }
    for number in range(200)
]
DAMAGED = [b'{"post_id": "x", "sc', b"[]", b'{"post_id": null}', b'{"text": "\xff"}', b'{"post_id": 1, "post_id": 2}']


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_records_good_and_bad_end_the_same(spark: SparkSession, tmp_path: Path, pack: type[bytes]):
    lines = [json.dumps(record).encode() for record in RECORDS]
    file = tmp_path / "part.jsonl"
    file.write_bytes(pack(b"\n".join(lines[:100] + DAMAGED) + b"\n" + b"".join(lines[100:])))
    both = on_both(spark, load("sentiment"), file, tmp_path)
    assert both.differences == []
    assert both.spark.rows_in == 205
    assert (both.spark.published, both.spark.quarantined, both.spark.discarded) == (180, 5, {"duplicate": 20})
    assert any("one task read it" in note for note in both.spark.notes)
