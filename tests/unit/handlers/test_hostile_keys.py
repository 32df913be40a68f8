"""Names of files are anybody's text: they reach the table as they are, and nothing else that they could reach."""

import json
import re
from typing import Any

from tests.unit.cloud import RAW, WORK, Cloud
from tests.unit.sales_rows import as_csv

DAY = "2025-03-05.csv"
HOSTILE = {
    "spaces, plus, per cent": f"sales/a b  c+d%20e%2Ff%00/{DAY}",
    "parent folders": f"sales/..%2F..%2Fetc%2Fpasswd...../{DAY}",
    "quotes and SQL": f"sales/'a\"b`x' OR '1'='1'; DROP TABLE sales; --/{DAY}",
    "JSON and JSONata": f'sales/"}}],"status":"PUBLISHED","x":[{{"y":"{{% $states.input %}}/{DAY}',
    "shell, markup, formula": f"sales/=1+$(rm -rf ~);`id`|x&y<script>alert(1)<&script>/{DAY}",
    "unicode, decomposed, control": f"sales/größe-Zu\u0308rich-東京-🛒-\u202ea\tb\x1bc/{DAY}",
    "1,024 bytes": f"sales/{'x' * (1024 - len('sales//') - len(DAY))}/{DAY}",
    "1,024 bytes of letters of three": f"sales/{'東' * 334}/{DAY}",
}
assert max(len(key.encode()) for key in HOSTILE.values()) == 1024


def documents(cloud: Cloud) -> dict[str, Any]:
    """Every JSON document of the work bucket, by key."""
    listed = cloud.s3.list_objects_v2(Bucket=WORK).get("Contents", [])
    keys = [entry["Key"] for entry in listed if entry["Key"].endswith(".json")]
    return {key: json.loads(cloud.s3.get_object(Bucket=WORK, Key=key)["Body"].read()) for key in keys}


def test_hostile_names_are_published_like_any_other(cloud: Cloud) -> None:
    uploads = {name: cloud.put(key, as_csv({}, {})) for name, key in HOSTILE.items()}
    for upload in uploads.values():
        cloud.run(upload, until="publish")
        planned = cloud.invoke("plan_check", {**cloud.task(upload), "published": [{"source": upload.to_dict()}]})
        question = {**cloud.task(upload), "sources": [upload.to_dict()], "query_execution_id": cloud.query(planned)}
        assert upload.key.split("/")[1] not in json.dumps(planned, ensure_ascii=False)
        assert cloud.invoke("check", question) == {"ok": [upload.id], "mismatched": []}
        cloud.step("complete", upload)

    assert dict(cloud.table()["_source_key"].value_counts().rows()) == {each.uri: 2 for each in uploads.values()}
    for name, upload in uploads.items():
        assert cloud.ledger.entry(upload)["status"] == "PUBLISHED", name
        told = cloud.s3.get_object_tagging(Bucket=RAW, Key=upload.key, VersionId=upload.version_id)["TagSet"]
        assert {tag["Key"]: tag["Value"] for tag in told}["sluice:status"] == "PUBLISHED", name
    # Names of objects and of runs are made of hashes: nothing of a key can become a path.
    runs = [cloud.ledger.entry(upload)["run_id"] for upload in uploads.values()]
    places = [*cloud.lake(), *documents(cloud), *runs]
    assert len(places) > 5 * len(HOSTILE)
    assert [place for place in places if not re.fullmatch(r"[A-Za-z0-9_=./-]+", place) or ".." in place] == []


def test_people_are_notified_of_a_hostile_name_in_one_harmless_line(cloud: Cloud) -> None:
    for key in HOSTILE.values():
        upload = cloud.put(key, "none\nof ours\n")
        cloud.validate(upload)
        assert cloud.ledger.entry(upload)["status"] == "REJECTED"

    notices = [message for message in cloud.messages() if message.get("Type") == "Notification"]
    assert len(notices) == len(HOSTILE)
    for notice in notices:
        assert len(notice["Subject"]) <= 100
        assert notice["Subject"].isascii()
        assert all(line.isprintable() for line in notice["Message"].splitlines())
        assert sum(line.startswith("File:") for line in notice["Message"].splitlines()) == 1


def test_a_name_that_only_looks_like_one_of_ours_is_rejected(cloud: Cloud) -> None:
    for key in (f"sales/../{DAY}/x", f"sales//{DAY}", "%"):
        upload = cloud.put(key, as_csv({}))
        cloud.validate(upload)

        entry = cloud.ledger.entry(upload)
        assert (entry["status"], list(entry["reasons"])) == ("REJECTED", ["key_follows_naming_rule"])


def test_what_is_uploaded_after_the_validation_is_not_what_is_cleaned(cloud: Cloud) -> None:
    key = f"sales/S1/{DAY}"
    upload = cloud.put(key, as_csv({}, {}))
    cloud.validate(upload)
    later = cloud.put(key, as_csv({"transaction_id": "T-LATER"}), sequencer="02")
    for name in ("claim", "clean", "reconcile", "publish", "complete"):
        cloud.step(name, upload)

    assert sorted(cloud.table()["transaction_id"]) == ["T1", "T2"]
    assert "status" not in cloud.ledger.entry(later)
