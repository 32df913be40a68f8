"""The newest row of each key over all files of a table: what a dataset's readers want whose records come repeatedly.

A file's own duplicates are discarded when it is cleaned; those of other files stand in the table, each with its source.
"""

from sluice.contract import Contract


def newest(contract: Contract) -> str:
    """Return the SELECT, in Athena's SQL; among equals the row of the last file wins.

    Raises ValueError when the contract has no key.
    """
    if contract.unique is None:
        raise ValueError(f"{contract.name} has no key: every row of it is one of its own")
    key = ", ".join(contract.unique.key)
    latest = f"{contract.unique.newest} DESC NULLS LAST, " if contract.unique.newest else ""
    columns = ", ".join(contract.published)
    return (
        f"SELECT {columns} FROM (SELECT *, row_number() OVER (PARTITION BY {key} "  # noqa: S608 (names are checked)
        f"ORDER BY {latest}_source_key DESC, _row_number DESC) AS newest_first FROM {contract.name}) "
        "WHERE newest_first = 1"
    )
