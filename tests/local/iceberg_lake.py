"""Makes Iceberg tables in the local AWS: Parquet files in S3, and commits of them to the Glue catalog."""

import io
import json
import uuid
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.io import FileIO, InputFile, OutputFile, OutputStream
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.transforms import IdentityTransform
from pyiceberg.typedef import Record
from pyiceberg.types import DateType, DecimalType, IntegerType, NestedField, StringType

from local import LocalAWS

SCHEMA = Schema(
    NestedField(1, "item", StringType()),
    NestedField(2, "quantity", IntegerType()),
    NestedField(3, "price", DecimalType(10, 2)),
    NestedField(4, "_source_key", StringType()),
    NestedField(5, "sold_on", DateType()),
    NestedField(6, "month", StringType()),
)
FILE_TYPES = {"item": pa.string(), "quantity": pa.int32(), "price": pa.decimal128(10, 2), "_source_key": pa.string()}
MAPPING = [{"field-id": field.field_id, "names": [field.name]} for field in SCHEMA.fields]
SPEC = PartitionSpec(
    PartitionField(6, 1000, IdentityTransform(), "month"), PartitionField(5, 1001, IdentityTransform(), "sold_on")
)
PROPERTIES = {"schema.name-mapping.default": json.dumps(MAPPING)}


class Written(io.BytesIO):
    """Bytes that become an object when they are closed."""

    def __init__(self, output: "Output") -> None:
        super().__init__()
        self._output = output

    def close(self) -> None:
        if not self.closed:
            self._output.io.put(self._output.location, self.getvalue())
        super().close()


class Input(InputFile):
    def __init__(self, location: str, files: "ObjectIO") -> None:
        super().__init__(location)
        self.io = files

    def __len__(self) -> int:
        return len(self.io.get(self.location))

    def exists(self) -> bool:
        return False

    def open(self, seekable: bool = True) -> Any:
        return io.BytesIO(self.io.get(self.location))


class Output(OutputFile):
    def __init__(self, location: str, files: "ObjectIO") -> None:
        super().__init__(location)
        self.io = files

    def __len__(self) -> int:
        return len(self.io.get(self.location))

    def exists(self) -> bool:
        return False

    def to_input_file(self) -> InputFile:
        return Input(self.location, self.io)

    def create(self, overwrite: bool = False) -> OutputStream:
        return Written(self)


class ObjectIO(FileIO):
    def __init__(self, s3: Any) -> None:
        super().__init__()
        self._s3 = s3

    def get(self, location: str) -> bytes:
        bucket, _, key = location.removeprefix("s3://").partition("/")
        return bytes(self._s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    def put(self, location: str, body: bytes) -> None:
        bucket, _, key = location.removeprefix("s3://").partition("/")
        self._s3.put_object(Bucket=bucket, Key=key, Body=body)

    def new_input(self, location: str) -> InputFile:
        return Input(location, self)

    def new_output(self, location: str) -> OutputFile:
        return Output(location, self)

    def delete(self, location: Any) -> None:
        raise NotImplementedError


class Catalog(GlueCatalog):
    def __init__(self, aws: LocalAWS) -> None:
        super().__init__("tests", client=aws.client("glue"))
        self.io = ObjectIO(aws.client("s3"))

    def _load_file_io(self, properties: Any = None, location: str | None = None) -> FileIO:
        return self.io


class Lake:
    """Tables of one bucket and database."""

    def __init__(self, aws: LocalAWS, bucket: str, database: str) -> None:
        self.catalog = Catalog(aws)
        self.io = self.catalog.io
        self.bucket, self.database = bucket, database

    def table(self, schema: Schema = SCHEMA, spec: PartitionSpec = SPEC) -> Table:
        """A new table of a name of its own."""
        name = f"sales_{uuid.uuid4().hex[:8]}"
        location = f"s3://{self.bucket}/job/iceberg/{name}"
        identifier = (self.database, name)
        return self.catalog.create_table(identifier, schema, location, spec, properties=PROPERTIES)

    def file(
        self,
        table: Table,
        source: str,
        rows: list[dict[str, Any]],
        *partition: Any,
        types: Any = None,
        bounds: dict[int, bytes] | None = None,
    ) -> DataFile:
        """An object with the rows of a source, to be committed, and the lower and upper bound of its columns.

        Dates of `partition` are days since 1970.
        """
        content = pa.Table.from_pylist([row | {"_source_key": source} for row in rows], pa.schema(types or FILE_TYPES))
        body = io.BytesIO()
        pq.write_table(content, body)
        location = f"{table.location()}/{source}-{uuid.uuid4().hex[:8]}.parquet"
        self.io.put(location, body.getvalue())
        bounds = bounds or {4: source.encode()}
        return data_file(table, location, len(rows), len(body.getvalue()), Record(*partition), bounds)


def data_file(
    table: Table, location: str, rows: int, size: int, partition: Record, bounds: dict[int, bytes]
) -> DataFile:
    nothing = ("column_sizes", "value_counts", "null_value_counts", "nan_value_counts")
    return DataFile.from_args(
        _table_format_version=2,
        content=DataFileContent.DATA,
        file_path=location,
        file_format=FileFormat.PARQUET,
        partition=partition,
        record_count=rows,
        file_size_in_bytes=size,
        lower_bounds=bounds,
        upper_bounds=bounds,
        spec_id=table.metadata.default_spec_id,
        **{name: {} for name in nothing},
        **dict.fromkeys(("sort_order_id", "equality_ids", "key_metadata", "split_offsets")),
    )


def commit(table: Table, added: Iterable[DataFile], removed: Iterable[DataFile] = ()) -> int:
    """The id of a new snapshot."""
    gone = {each.file_path for each in removed}
    current = [task.file for task in table.scan().plan_files()] if gone else []
    with table.transaction() as transaction:
        update = transaction.update_snapshot(snapshot_properties={"sluice.run-id": "r1"})
        with update.overwrite() if gone else update.fast_append() as snapshot:
            for each in current:
                if each.file_path in gone:
                    snapshot.delete_data_file(each)
            for each in added:
                snapshot.append_data_file(each)
    made = table.current_snapshot()
    assert made is not None
    return made.snapshot_id
