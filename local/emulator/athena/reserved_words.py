"""The words that Athena reserves: as the name of a column or table they must be quoted.

No patch of its own: `statements` and `sluice new` use it. The lists are those of
https://docs.aws.amazon.com/athena/latest/ug/reserved-words.html
"""

_IN_QUERIES = """
    alter and as between by case cast constraint create cross cube current_catalog current_date current_path
    current_schema current_time current_timestamp current_user deallocate delete describe distinct drop else end escape
    except execute exists extract false first for from full group grouping having in inner insert intersect into is join
    json_array json_exists json_object json_query json_table json_value last left like listagg localtime localtimestamp
    natural normalize not null of on or order outer prepare recursive right rollup select skip table then trim true
    uescape union unnest using values when where with
"""
IN_QUERIES = frozenset(_IN_QUERIES.split())
"""In SELECT, CREATE TABLE AS and views: "double quotes"."""

_IN_DDL = """
    all alter and array as authorization between bigint binary boolean both by case cashe cast char column conf
    constraint commit create cross cube current current_date current_timestamp cursor database date dayofweek decimal
    delete describe distinct div double drop else end exchange exists extended external extract false fetch float floor
    following for foreign from full function grant group grouping having if import in inner insert int integer intersect
    interval into is join lateral left less like local macro map more none not null numeric of on only or order out
    outer over partialscan partition percent preceding precision preserve primary procedure range reads reduce regexp
    references revoke right rlike rollback rollup row rows select set smallint start table tablesample then time
    timestamp to transform trigger true truncate unbounded union uniquejoin update user using utc_timestamp values
    varchar views when where window with
"""
IN_DDL = frozenset(_IN_DDL.split())
"""In statements of Hive's grammar, such as SHOW, DESCRIBE and ALTER TABLE: `backticks`."""


def advice(name: str) -> str:
    """What to write for a name that is reserved, or an empty text."""
    if name in IN_QUERIES:
        return f'a reserved word of Athena: queries write "{name}", in double quotes'
    return f"a reserved word of Athena's DDL, which writes `{name}`; queries need no quotes" if name in IN_DDL else ""
