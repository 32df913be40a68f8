"""Object keys in the work bucket and in the lake bucket."""

import re

from sluice.aws.object_version import ObjectVersion
from sluice.errors import ManifestRefused

_STAGED = re.compile(r"(?:published/(?:[^/]+=[^/]+/)*|quarantine/)[0-9a-f]{16}-\d+\.parquet")


def report_key(source: ObjectVersion) -> str:
    """The validation report of one object version (work bucket)."""
    return f"reports/{source.id}/validation.json"


def run_key(run_id: str) -> str:
    """The input of a run (work bucket)."""
    return f"runs/{run_id}/run.json"


def staging_prefix(run_id: str, source: ObjectVersion) -> str:
    """The staging folder: cleaned files of one source, before they are published (work bucket)."""
    return f"runs/{run_id}/{source.id}/"


def manifest_key(run_id: str, source: ObjectVersion) -> str:
    """The account of one source's cleaning (work bucket)."""
    return f"{staging_prefix(run_id, source)}manifest.json"


def rejected_key(run_id: str, source: ObjectVersion) -> str:
    """Why cleaning rejected a whole file, as {reason, message}: the Glue job cannot raise an error for one of many."""
    return f"{staging_prefix(run_id, source)}rejected.json"


def undo_key(run_id: str, source: ObjectVersion) -> str:
    """The undo record: the lake objects of one source before a run began to publish (work bucket)."""
    return f"{staging_prefix(run_id, source)}undo.json"


def lake_manifest_key(dataset: str, source: ObjectVersion) -> str:
    """The manifest of the published files of a source (lake bucket)."""
    return f"manifests/{dataset}/{source.hash}.json"


def table_prefix(dataset: str) -> str:
    return f"published/{dataset}/"


def quarantine_prefix(dataset: str) -> str:
    return f"quarantine/{dataset}/"


def lake_key(dataset: str, source: ObjectVersion, path: str) -> str:
    """Return the lake key of a staged file.

    Raises ManifestRefused for a path that is no staged file of this source: partition values come out of
    files, and no value may lead a copy out of its table or onto another source's files.
    """
    name = path.rsplit("/", 1)[-1]
    if not _STAGED.fullmatch(path) or not name.startswith(f"{source.hash}-"):
        raise ManifestRefused(f"{path!r} is not a staged file of the source {source.hash}")
    kind, rest = path.split("/", 1)
    return f"{kind}/{dataset}/{rest}"


def run_page_key(run_id: str) -> str:
    """A run's page; run_facts_key has its facts as JSON (work bucket)."""
    return f"runs/{run_id}/report.html"


def run_facts_key(run_id: str) -> str:
    return f"runs/{run_id}/report.json"


def rejected_page_key(source_id: str) -> str:
    """The page of a rejected file (work bucket)."""
    return f"reports/{source_id}/report.html"


def dataset_page_key(dataset: str) -> str:
    """A dataset's page over time; dataset_facts_key has its facts as JSON (work bucket)."""
    return f"pages/{dataset}.html"


def dataset_facts_key(dataset: str) -> str:
    return f"pages/{dataset}.json"
