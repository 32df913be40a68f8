"""One version of one uploaded object: the source of a run."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True)
class ObjectVersion:
    """One object version in the raw bucket.

    sequencer: S3's order of one key's events, hexadecimal; empty when no event gave it (counts as oldest).
    size: bytes as stored.
    """

    bucket: str
    key: str
    version_id: str
    sequencer: str
    size: int

    @property
    def id(self) -> str:
        """32 hex digits that name this version in runs and reports."""
        return _hash(f"{self.bucket}/{self.key}@{self.version_id}")

    @property
    def hash(self) -> str:
        """32 hex digits that name the key, for all its versions."""
        return _hash(f"{self.bucket}/{self.key}")

    @property
    def uri(self) -> str:
        """The key's address, as the ledger and the column `_source_key` hold it."""
        return f"s3://{self.bucket}/{self.key}"

    @property
    def order(self) -> str:
        """The sequencer made comparable as text.

        AWS says to pad the shorter of two with zeros on the right and to compare them as text.
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
        """
        return self.sequencer.upper().ljust(32, "0")

    def to_dict(self) -> dict[str, Any]:
        return {"id": self.id, **asdict(self)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Raises ValueError when the id is not that of this bucket, key and version."""
        version = cls(
            bucket=data["bucket"],
            key=data["key"],
            version_id=data["version_id"],
            sequencer=data["sequencer"],
            size=int(data["size"]),
        )
        if data["id"] != version.id:
            raise ValueError(f"{data['id']!r} is not the id of {version.uri}, version {version.version_id}")
        return version

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        """Return the version that a ledger's item is about."""
        bucket, _, key = str(item["source"]).removeprefix("s3://").partition("/")
        return cls(bucket, key, str(item["version"]), str(item["sequencer"]), int(item["size"]))


def _hash(text: str) -> str:
    # 128 bits: nobody can find two keys of one name. With 64 a producer could, and replace another's rows.
    return hashlib.sha256(text.encode()).hexdigest()[:32]
