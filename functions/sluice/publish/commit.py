"""Commits a run to its Iceberg table: readers see the files of all its sources at once, and no longer the former ones.

The ledger is asked after the table was read, and the catalog refuses the commit when the table has changed since.
Undo first lets the ledger refuse the run and then changes the table, so a late commit can never follow it.
"""

from collections.abc import Sequence

from sluice.aws.object_keys import dataset_of_manifest, lake_manifest_key
from sluice.aws.object_version import ObjectVersion
from sluice.errors import LeaseLost
from sluice.ledger.ledger import Ledger
from sluice.publish.iceberg.commit import Commit, swap
from sluice.publish.iceberg.table import require
from sluice.publish.lake import Catalog, Lake, read_manifest


def commit(
    lake: Lake, catalog: Catalog, ledger: Ledger, *, run_id: str, dataset: str, sources: Sequence[ObjectVersion]
) -> Commit:
    """Swap the files of the run's sources for those of its manifests, in one snapshot. Repeating it is harmless.

    Raises LeaseLost when the run may no longer publish one of them; then nothing is committed. TableDisagrees,
    CommitConflict and ManifestMissing.
    """
    manifests = {source.uri: read_manifest(lake, lake_manifest_key(dataset, run_id, source)) for source in sources}

    def allowed() -> None:
        for source in sources:
            if not ledger.may_publish(source, run_id=run_id):
                raise LeaseLost(f"{run_id} may no longer publish {source.uri}")

    require(lake, catalog, dataset, manifests[sources[0].uri].account)
    # Always: another run that held one of these keys before may have a commit prepared, for the table as it is now.
    return swap(lake, catalog, dataset, manifests, run_id=run_id, allowed=allowed, always=True)


def restore(lake: Lake, catalog: Catalog, ledger: Ledger, source: ObjectVersion, *, dataset: str) -> Commit:
    """Swap a source's files in an Iceberg table for those that the ledger promises, outside of any run.

    Raises LeaseLost when a run publishes the source meanwhile; ManifestMissing and CommitConflict.
    """
    promised = ledger.head(source).get("published_manifest")

    def allowed() -> None:
        head = ledger.head(source)
        if head.get("published_manifest") != promised or head.get("pending"):
            raise LeaseLost(f"a run publishes {source.uri}")

    here = promised and dataset_of_manifest(promised) == dataset
    wanted = {source.uri: read_manifest(lake, str(promised)) if here else None}
    return swap(lake, catalog, dataset, wanted, run_id="verify", allowed=allowed)
