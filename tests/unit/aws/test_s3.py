import io
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from sluice.aws.s3 import S3Source
from sluice.errors import ObjectGone
from tests.unit.cloud import RAW, Cloud

BODY = bytes(range(256)) * 1200


class Breaking:
    """An S3 whose connections break after so many bytes each."""

    def __init__(self, body: bytes, breaks: list[int], *, silently: bool = False) -> None:
        self.body, self.breaks, self.silently = body, breaks, silently
        self.ranges: list[str | None] = []

    def get_object(self, Bucket: str, Key: str, VersionId: str, Range: str | None = None) -> dict[str, Any]:  # noqa: N803
        self.ranges.append(Range)
        start = int(Range.removeprefix("bytes=").removesuffix("-")) if Range else 0
        rest = self.body[start:]
        limit = self.breaks.pop(0) if self.breaks else len(rest)
        answer = {
            "Body": _Body(rest[:limit], broken=limit < len(rest), silently=self.silently),
            "ContentLength": len(rest),
        }
        return answer | ({"ContentRange": f"bytes {start}-{len(self.body) - 1}/{len(self.body)}"} if Range else {})


class _Body(io.BytesIO):
    def __init__(self, data: bytes, *, broken: bool, silently: bool) -> None:
        super().__init__(data)
        self.broken = broken and not silently

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        if not data and self.broken:
            raise ReadTimeoutError(endpoint_url="https://s3")
        return data


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sluice.aws.s3.time.sleep", lambda _: None)


def read(s3: Any) -> bytes:
    with S3Source(s3, "raw", "a.csv", "v1").open() as stream:
        return stream.read()


def test_exactly_the_version_is_read(cloud: Cloud):
    first = cloud.put("a.csv", b"first")
    cloud.put("a.csv", b"second")
    source = S3Source(cloud.s3, RAW, "a.csv", first.version_id)
    assert source.name == f"s3://{RAW}/a.csv"
    assert [source.open().read(), source.open().read()] == [b"first", b"first"]


def test_an_empty_file_is_read(cloud: Cloud):
    empty = cloud.put("a.csv", b"")
    assert S3Source(cloud.s3, RAW, "a.csv", empty.version_id).open().read() == b""


@pytest.mark.parametrize("silently", [False, True])
def test_reading_goes_on_where_the_connection_broke(silently: bool):
    s3 = Breaking(BODY, [100_000, 1, 0, 50_000], silently=silently)
    assert read(s3) == BODY
    assert s3.ranges == [None, "bytes=100000-", "bytes=100001-", "bytes=100001-", "bytes=150001-"]


def test_a_store_that_begins_anew_is_not_believed():
    class Forgetful(Breaking):
        def get_object(self, Bucket: str, Key: str, VersionId: str, Range: str | None = None) -> dict[str, Any]:  # noqa: N803
            return super().get_object(Bucket, Key, VersionId)

    with pytest.raises(OSError, match="100000"):
        read(Forgetful(BODY, [100_000]))


def test_reading_gives_up_when_nothing_comes_any_more():
    s3 = Breaking(BODY, [100_000, *[0] * 20])
    with pytest.raises(ReadTimeoutError):
        read(s3)
    assert len(s3.ranges) == 6


def test_a_version_that_is_gone_raises_object_gone(cloud: Cloud):
    gone = cloud.put("a.csv", b"x")
    cloud.s3.delete_object(Bucket=RAW, Key="a.csv", VersionId=gone.version_id)
    with pytest.raises(ObjectGone, match=r"a\.csv"):
        S3Source(cloud.s3, RAW, "a.csv", gone.version_id).open()
