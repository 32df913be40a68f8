import io
import json
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from tests.unit.cloud import EVENTS, WORK, Cloud


@pytest.fixture
def answers() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A URL to answer at, and what was answered."""
    got: list[dict[str, Any]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/answer", got
    server.shutdown()
    server.server_close()


def ask(cloud: Cloud, url: str, **changes: Any) -> None:
    event = json.loads((EVENTS / "share.json").read_text())
    cloud.invoke("share", {**event, "ResponseURL": url, **changes})


def test_our_packages_lie_in_the_work_bucket_as_one_zip(cloud: Cloud, answers: Any):
    url, got = answers
    ask(cloud, url)
    [answer] = got
    assert (answer["Status"], answer["LogicalResourceId"]) == ("SUCCESS", "SharedCode")
    key = answer["Data"]["Key"]
    assert answer["Data"]["Uri"] == f"s3://{WORK}/{key}"
    body = cloud.s3.get_object(Bucket=WORK, Key=key)["Body"].read()
    names = zipfile.ZipFile(io.BytesIO(body)).namelist()
    assert {"sluice/__init__.py", "sluice/contract/model.py", "datasets/sales.py"} <= set(names)
    assert {name.split("/")[0] for name in names} == {"sluice", "datasets"}
    assert all(name.endswith(".py") for name in names)


def test_the_same_code_is_the_same_zip(cloud: Cloud, answers: Any):
    url, got = answers
    ask(cloud, url)
    ask(cloud, url, RequestType="Update", PhysicalResourceId=got[0]["PhysicalResourceId"])
    assert got[0]["Data"] == got[1]["Data"]
    assert got[0]["PhysicalResourceId"] == got[1]["PhysicalResourceId"]


def test_deleting_keeps_the_zip(cloud: Cloud, answers: Any):
    url, got = answers
    ask(cloud, url)
    ask(cloud, url, RequestType="Delete", PhysicalResourceId=got[0]["PhysicalResourceId"])
    assert got[1]["Status"] == "SUCCESS"
    assert cloud.s3.head_object(Bucket=WORK, Key=got[0]["Data"]["Key"])


def test_an_error_is_an_answer_too(cloud: Cloud, answers: Any, monkeypatch: pytest.MonkeyPatch):
    url, got = answers
    monkeypatch.setattr(cloud.module("share"), "WORK_BUCKET", "no-such-bucket")
    ask(cloud, url)
    assert got[0]["Status"] == "FAILED"
    assert "NoSuchBucket" in got[0]["Reason"]
