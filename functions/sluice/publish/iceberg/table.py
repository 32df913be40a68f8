"""Creates an Iceberg table in the catalog, and changes its columns as the contract says."""

import random
import time
from collections.abc import Callable, Mapping

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


def ensure(
    lake: Lake,
    catalog: Catalog,
    dataset: str,
    declaration: Manifest | TableDeclaration,
    *,
    renamed: Mapping[str, str] | None = None,
) -> None:
    """Create or evolve a dataset's table: add, drop, rename, widen and reorder columns.

    renamed: new name of a column → its name in the table; without it the old column is dropped, and the new one empty.
    A table that a later version of the contract declares stays. Raises TableDisagrees, before anything changes, for
    any other difference and when a table of another kind has the name; CommitConflict.
    """
    files = S3FileIO(lake.s3)
    retry(dataset, lambda _: _ensure(lake, catalog, dataset, declaration, renamed or {}, files))


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


def _ensure(
    lake: Lake,
    catalog: Catalog,
    dataset: str,
    declaration: Manifest | TableDeclaration,
    renamed: Mapping[str, str],
    files: S3FileIO,
) -> None:
    try:
        table = load(catalog, dataset, files)
    except NoSuchTableError:
        _create(lake, catalog, dataset, declaration, files)
        return
    if version_of(table) > declaration.contract_version:
        return
    same = schema.is_as(table.schema(), declaration)
    if same and version_of(table) == declaration.contract_version:
        return
    problems = list(schema.evolution_problems(table, declaration, renamed))
    if problems:
        raise TableDisagrees(
            f"the table {catalog.database}.{dataset} cannot become as version {declaration.contract_version} of the "
            f"contract says: {'; '.join(problems)}"
        )
    version = {_VERSION: str(declaration.contract_version)}
    with table.transaction() as transaction:
        if not same:
            with transaction.update_schema() as update:
                schema.evolve(update, table, declaration, renamed)
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
