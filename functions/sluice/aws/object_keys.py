"""Object keys in the work bucket and in the lake bucket."""

import hashlib
import re

from sluice.aws.object_version import ObjectVersion
from sluice.errors import ManifestRefused

_STAGED = re.compile(r"(?:published/(?:[^/]+=[^/]+/)*|quarantine/)[0-9a-f]{32}-\d+\.parquet")


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


def file_stem(run_id: str, source: ObjectVersion) -> str:
    """32 hex digits with which the names of the files of one source version begin: no other run writes such a name."""
    return hashlib.sha256(f"{source.id}/{run_id}".encode()).hexdigest()[:32]


def lake_manifest_key(dataset: str, run_id: str, source: ObjectVersion) -> str:
    """The manifest of the files that one run publishes of a source (lake bucket)."""
    return f"manifests/{dataset}/{source.hash}/{file_stem(run_id, source)}.json"


def dataset_of_manifest(key: str) -> str:
    """The dataset of a lake manifest, from its key."""
    return key.split("/", 2)[1]


def table_prefix(dataset: str) -> str:
    return f"published/{dataset}/"


def metadata_prefix(dataset: str) -> str:
    """The metadata files of an Iceberg table (lake bucket)."""
    return f"metadata/{dataset}/"


def quarantine_prefix(dataset: str) -> str:
    return f"quarantine/{dataset}/"


def lake_key(dataset: str, run_id: str, source: ObjectVersion, path: str) -> str:
    """Return the lake key of a staged file.

    Raises ManifestRefused for a path that is no staged file of this run and source: partition values come out of
    files, and no value may lead a copy out of its table or onto the files of another source or run.
    """
    name = path.rsplit("/", 1)[-1]
    if not _STAGED.fullmatch(path) or not name.startswith(f"{file_stem(run_id, source)}-"):
        raise ManifestRefused(f"{path!r} is not a staged file of {source.uri} in {run_id}")
    kind, rest = path.split("/", 1)
    return f"{kind}/{dataset}/{rest}"


def run_page_key(run_id: str) -> str:
    """A run's page; run_facts_key has its facts as JSON (work bucket)."""
    return f"runs/{run_id}/report.html"


def run_facts_key(run_id: str) -> str:
    return f"runs/{run_id}/report.json"


def bad_rows_key(run_id: str) -> str:
    """The first quarantined rows of a run as CSV, masked (work bucket)."""
    return f"runs/{run_id}/bad_rows.csv"


def rejected_page_key(source_id: str) -> str:
    """The page of a rejected file (work bucket)."""
    return f"reports/{source_id}/report.html"


def dataset_page_key(dataset: str) -> str:
    """A dataset's page over time; dataset_facts_key has its facts as JSON (work bucket)."""
    return f"pages/{dataset}.html"


def contract_page_key(dataset: str) -> str:
    """The page of a dataset's contract (work bucket)."""
    return f"pages/{dataset}.contract.html"


def dataset_facts_key(dataset: str) -> str:
    return f"pages/{dataset}.json"
