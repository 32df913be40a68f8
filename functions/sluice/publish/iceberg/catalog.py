"""Opens an Iceberg table in the Glue catalog, for one change of exactly the version that was read."""

from typing import Any

from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.exceptions import NoSuchIcebergTableError, NoSuchPropertyException
from pyiceberg.io import FileIO
from pyiceberg.table import Table
from pyiceberg.typedef import EMPTY_DICT, Properties

from sluice.errors import TableDisagrees
from sluice.publish.iceberg.file_io import S3FileIO
from sluice.publish.lake import Catalog


class PinnedCatalog(GlueCatalog):
    """A Glue catalog for one change of one table.

    pyiceberg reads Glue's table again to commit, and would write over whatever came between. Here the first answer
    stands: Glue refuses the commit when the table has changed since it was loaded, in any way.
    https://iceberg.apache.org/docs/latest/aws/#optimistic-locking
    """

    def __init__(self, catalog: Catalog, files: S3FileIO) -> None:
        super().__init__("glue", client=catalog.glue)
        self._files = files
        self._read: Any = None

    def _load_file_io(self, properties: Properties = EMPTY_DICT, location: str | None = None) -> FileIO:
        return self._files

    def _get_glue_table(self, database_name: str, table_name: str) -> Any:
        if self._read is None:
            self._read = super()._get_glue_table(database_name, table_name)
        return self._read

    def _is_s3tables_database(self, database_name: str) -> bool:
        return False


def load(catalog: Catalog, dataset: str, files: S3FileIO) -> Table:
    """Return a dataset's table, to be committed to once.

    Raises pyiceberg's NoSuchTableError; TableDisagrees when a table of another kind has the name.
    """
    try:
        return PinnedCatalog(catalog, files).load_table((catalog.database, dataset))
    except (NoSuchIcebergTableError, NoSuchPropertyException) as error:
        raise TableDisagrees(
            f"{catalog.database}.{dataset} is no Iceberg table, as the contract says: {error}"
        ) from error
