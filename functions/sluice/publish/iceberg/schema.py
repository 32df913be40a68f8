"""Iceberg's schema, partition spec and name mapping of a declared table, and the way from one schema to the next.

Data files have no field ids: they are found by name, through `schema.name-mapping.default`. Partition columns are not
in the files: readers take them from the metadata.
https://iceberg.apache.org/spec/#column-projection
"""

from collections.abc import Iterator
from itertools import pairwise

from pyiceberg.exceptions import ResolveError
from pyiceberg.partitioning import PARTITION_FIELD_ID_START, PartitionField, PartitionSpec
from pyiceberg.schema import Schema, assign_fresh_schema_ids, promote
from pyiceberg.table import Table
from pyiceberg.table.update.schema import UpdateSchema
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import (
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IcebergType,
    IntegerType,
    ListType,
    LongType,
    NestedField,
    StringType,
    TimestampType,
)

from sluice.manifest import Manifest, TableDeclaration

_SIMPLE: dict[str, IcebergType] = {
    "string": StringType(),
    "boolean": BooleanType(),
    "tinyint": IntegerType(),
    "smallint": IntegerType(),
    "int": IntegerType(),
    "bigint": LongType(),
    "float": FloatType(),
    "double": DoubleType(),
    "date": DateType(),
    "timestamp": TimestampType(),
}


def schema_of(declaration: Manifest | TableDeclaration) -> Schema:
    """Return the schema of a new table: the columns of the files, then the partition columns, all optional."""
    columns = [*declaration.schema, *declaration.partition_columns]
    fields = [
        NestedField(number, column["name"], iceberg_type(column["type"]), required=False)
        for number, column in enumerate(columns, 1)
    ]
    return assign_fresh_schema_ids(Schema(*fields))


def iceberg_type(glue_type: str) -> IcebergType:
    """Return Iceberg's type of one of glue_types'. Raises KeyError."""
    if glue_type.startswith("array<"):
        return ListType(element_id=0, element=iceberg_type(glue_type[6:-1]), element_required=False)
    if glue_type.startswith("decimal("):
        precision, scale = glue_type[8:-1].split(",")
        return DecimalType(int(precision), int(scale))
    return _SIMPLE[glue_type]


def partition_spec_of(declaration: Manifest | TableDeclaration, schema: Schema) -> PartitionSpec:
    """Return the identity of each partition column."""
    names = [column["name"] for column in declaration.partition_columns]
    fields = [
        PartitionField(schema.find_field(name).field_id, PARTITION_FIELD_ID_START + number, IdentityTransform(), name)
        for number, name in enumerate(names)
    ]
    return PartitionSpec(*fields)


def evolution_problems(table: Table, declaration: TableDeclaration) -> Iterator[str]:
    """Yield why a table cannot become as declared, a clause each."""
    have, want = table.schema(), schema_of(declaration)
    by = [column["name"] for column in declaration.partition_columns]
    current = [field.name for field in table.spec().fields]
    if current != by:
        yield f"it is partitioned by {current}, the contract says {by}"
    names = _current_names(have, want, declaration)
    for field in want.fields:
        old = names[field.name]
        if old is None:
            yield from _problems_of_new(table, field)
        else:
            type_ = have.find_type(old)
            if field.name in by and (old != field.name or type_ != field.field_type):
                yield f"its partition column {old} is {type_}, the contract's {field.name} {field.field_type}"
            elif not widens(type_, field.field_type):
                yield f"its column {old} is {type_}, the contract's {field.name} {field.field_type}"


def widens(old: IcebergType, new: IcebergType) -> bool:
    """True when files with the old type can be read as the new one.

    https://iceberg.apache.org/spec/#schema-evolution
    """
    if isinstance(old, ListType) and isinstance(new, ListType):
        return widens(old.element_type, new.element_type)
    # pyiceberg promotes a string to binary, too, and an integer not to itself.
    if old == new or isinstance(old, StringType):
        return old == new
    if isinstance(old, DecimalType) and isinstance(new, DecimalType) and old.scale != new.scale:
        return False
    try:
        promote(old, new)
    except ResolveError:
        return False
    return True


def reading_problems(table: Table, manifest: Manifest | TableDeclaration) -> Iterator[str]:
    """Yield why readers of a table could not read the files of a manifest, a clause each."""
    by, current = (
        [column["name"] for column in manifest.partition_columns],
        [field.name for field in table.spec().fields],
    )
    if current != by:
        yield f"it is partitioned by {current}, the run's files by {by}"
    columns = {field.name: field.field_type for field in table.schema().fields}
    for column in manifest.schema:
        wanted = columns.get(column["name"])
        if wanted is not None and not widens(iceberg_type(column["type"]), wanted):
            yield f"its column {column['name']} is {wanted}, the run's files have {column['type']}"


def evolve(update: UpdateSchema, table: Table, declaration: TableDeclaration) -> None:
    """Stage the changes from the table's columns to the declared ones, which have no evolution_problems."""
    have, want = table.schema(), schema_of(declaration)
    names = _current_names(have, want, declaration)
    for old in have.fields:
        if old.name not in names.values():
            update.delete_column(old.name)
    for field in want.fields:
        name = names[field.name]
        if name is None:
            update.add_column(field.name, field.field_type)
            continue
        if name != field.name:
            update.rename_column(name, field.name)
        _widen(update, name, have.find_type(name), field.field_type)
    staying = [field.name for field in have.fields if field.name in names.values()]
    order = [name or new for new, name in names.items()]
    if order != [*staying, *(new for new, name in names.items() if name is None)]:
        update.move_first(order[0])
        for left, right in pairwise(order):
            update.move_after(right, left)


def is_as(schema: Schema, declaration: Manifest | TableDeclaration) -> bool:
    """True when a table has the declared columns, in their order."""
    want = schema_of(declaration).fields
    return len(schema.fields) == len(want) and all(
        left.name == right.name and _same(left.field_type, right.field_type)
        for left, right in zip(schema.fields, want, strict=True)
    )


def _current_names(have: Schema, want: Schema, declaration: TableDeclaration) -> dict[str, str | None]:
    """Return the name that each wanted column has in the table, None for a new one.

    A new column whose alias is a column that goes is this one, renamed, if its files can be read as the new type.
    """
    there, wanted = {field.name for field in have.fields}, {field.name for field in want.fields}
    by = {column["name"] for column in declaration.partition_columns}
    former: dict[str, str] = {}
    for alias, name in declaration.aliases.items():
        is_renamed = alias in there - wanted and name in wanted - there - by and name not in former
        if is_renamed and widens(have.find_type(alias), want.find_type(name)):
            former[name] = alias
    return {name: name if name in there else former.get(name) for name in (field.name for field in want.fields)}


def _problems_of_new(table: Table, field: NestedField) -> Iterator[str]:
    """Older files may have a column of this name; a reader finds it by the name, and takes it for the new one."""
    mapping = table.name_mapping()
    ids = {each.field_id for each in mapping.root if field.name in each.names} if mapping else set()
    if ids & set(table.schema().field_ids):
        yield f"older files have {field.name}, which is another column now: choose another name"
        return
    former = [
        each.field_type for schema in table.schemas().values() for each in schema.fields if each.name == field.name
    ]
    for type_ in former:
        if not widens(type_, field.field_type):
            yield f"older files have {field.name} as {type_}, the contract says {field.field_type}: choose another name"
            return


def _widen(update: UpdateSchema, path: str, old: IcebergType, new: IcebergType) -> None:
    if isinstance(old, ListType) and isinstance(new, ListType):
        _widen(update, f"{path}.element", old.element_type, new.element_type)
    elif old != new:
        update.update_column(path, field_type=new)


def _same(left: IcebergType, right: IcebergType) -> bool:
    if isinstance(left, ListType) and isinstance(right, ListType):
        return _same(left.element_type, right.element_type)
    return left == right
