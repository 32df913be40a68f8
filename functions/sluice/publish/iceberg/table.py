"""Creates an Iceberg table in the catalog, and changes its columns as the contract says."""

import random
import time
from collections.abc import Callable
from contextlib import suppress

from pyiceberg.exceptions import CommitFailedException, NoSuchTableError, TableAlreadyExistsError
from pyiceberg.table import Table
from pyiceberg.table.name_mapping import create_mapping_from_schema

from sluice.aws.object_keys import metadata_prefix, table_prefix
from sluice.errors import CommitConflict, TableDisagrees
from sluice.manifest import Manifest, TableDeclaration
from sluice.publish.iceberg import schema
from sluice.publish.iceberg.catalog import PinnedCatalog, load
from sluice.publish.iceberg.file_io import S3FileIO
from sluice.publish.lake import Catalog, Lake

_VERSION = "sluice.contract_version"
_ATTEMPTS = 8
_PAUSE = 0.2
"""Seconds, at most, after the first conflict; twice as long after each further one."""


def evolve(lake: Lake, catalog: Catalog, dataset: str, declaration: TableDeclaration) -> None:
    """Evolve a dataset's table as a deployment declares: add, drop, rename, widen and reorder columns.

    A new column of which a former one is an alias is this one, renamed. A table that a later version of the contract
    declares stays. One that is missing stays so until the first commit: a first deployment that fails must leave the
    lake bucket empty. Raises TableDisagrees as `problems` says it, before anything changes; CommitConflict.
    """
    files = S3FileIO(lake.s3)
    with suppress(NoSuchTableError):
        retry(dataset, lambda _: _evolve(catalog, dataset, declaration, files))


def problems(lake: Lake, catalog: Catalog, dataset: str, declaration: TableDeclaration) -> list[str]:
    """Return why the catalog's table of a dataset cannot become as declared, a clause each."""
    try:
        table = load(catalog, dataset, S3FileIO(lake.s3))
    except NoSuchTableError:
        return []
    except TableDisagrees as error:
        return [str(error)]
    if version_of(table) > declaration.contract_version:
        return []
    return [f"{catalog.database}.{dataset}: {text}" for text in schema.evolution_problems(table, declaration)]


def require(lake: Lake, catalog: Catalog, dataset: str, manifest: Manifest | TableDeclaration) -> None:
    """Create a dataset's table if it is missing; one that is there stays as it is, since only a deployment evolves it.

    Raises TableDisagrees when readers could not read the run's files, or a table of another kind has the name;
    CommitConflict.
    """
    files = S3FileIO(lake.s3)

    def attempt(_: int) -> None:
        try:
            table = load(catalog, dataset, files)
        except NoSuchTableError:
            _create(lake, catalog, dataset, manifest, files)
            return
        if found := list(schema.reading_problems(table, manifest)):
            raise TableDisagrees(f"{catalog.database}.{dataset}: {'; '.join(found)}")

    retry(dataset, attempt)


def retry[T](dataset: str, commit: Callable[[int], T]) -> T:
    """Return what a commit returns, which is done again when another one came between; it gets the attempt's number.

    Raises CommitConflict when all attempts met others.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return commit(attempt)
        except (CommitFailedException, TableAlreadyExistsError) as error:
            if attempt == _ATTEMPTS:
                raise CommitConflict(
                    f"{attempt} commits to {dataset} were refused, since other commits came between: {error}"
                ) from error
        time.sleep(random.uniform(0, _PAUSE * 2 ** (attempt - 1)))  # noqa: S311
    raise AssertionError("the last attempt returns or raises")


def _evolve(catalog: Catalog, dataset: str, declaration: TableDeclaration, files: S3FileIO) -> None:
    table = load(catalog, dataset, files)
    if version_of(table) > declaration.contract_version:
        return
    same = schema.is_as(table.schema(), declaration)
    if same and version_of(table) == declaration.contract_version:
        return
    if found := list(schema.evolution_problems(table, declaration)):
        raise TableDisagrees(f"{catalog.database}.{dataset}: {'; '.join(found)}")
    version = {_VERSION: str(declaration.contract_version)}
    with table.transaction() as transaction:
        if not same:
            with transaction.update_schema() as update:
                schema.evolve(update, table, declaration)
        transaction.set_properties(version)


def _create(
    lake: Lake, catalog: Catalog, dataset: str, declaration: Manifest | TableDeclaration, files: S3FileIO
) -> None:
    columns = schema.schema_of(declaration)
    location = f"s3://{lake.bucket}/"
    properties = {
        "format-version": "2",
        "schema.name-mapping.default": create_mapping_from_schema(columns).model_dump_json(),
        "write.metadata.path": f"{location}{metadata_prefix(dataset).rstrip('/')}",
        # Each attempt must ask the ledger again, which pyiceberg's own attempts do not.
        "commit.retry.num-retries": "0",
        "commit.manifest-merge.enabled": "true",
        "commit.manifest.min-count-to-merge": "16",
        # Each names all snapshots: a hundred, the default, are many times the rest of the metadata.
        "write.metadata.previous-versions-max": "20",
        # About 2,600 files. To replace a source, the whole manifest that names its file is written again.
        "commit.manifest.target-size-bytes": "524288",
        _VERSION: str(declaration.contract_version),
    }
    PinnedCatalog(catalog, files).create_table(
        (catalog.database, dataset),
        columns,
        location=f"{location}{table_prefix(dataset).rstrip('/')}",
        partition_spec=schema.partition_spec_of(declaration, columns),
        properties=properties,
    )


def version_of(table: Table) -> int:
    """Return the version of the contract that declares its columns."""
    return int(table.properties.get(_VERSION, 0))
