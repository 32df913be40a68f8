"""The changes between two contracts, and whether they affect producers of files, consumers of the table, or its values.

A change is compatible when every file that was accepted still is, every row that was published still is with the
same values, and every query still runs. Any other needs a new version, which the ledger, the manifests and the
table carry, which shows under which rules a row was published.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cli.contracts.document import ContractDocument
from sluice.publish.column_types import reads_as

Touches = Literal["producers", "consumers", "values", "nobody"]

AGAIN = "rows published before keep the old ones until sluice migrate cleans their files again"
_REFUSED = "the deployment is refused (TableDisagrees): take a new dataset name, then sluice migrate moves the files"


@dataclass(frozen=True)
class Change:
    """what: the change in words. touches: who is affected in a way that needs a new version, or nobody.

    effect: what happens to files or to the table.
    """

    what: str
    touches: Touches
    effect: str

    @property
    def breaks(self) -> bool:
        return self.touches != "nobody"


def changes(old: ContractDocument, new: ContractDocument) -> list[Change]:
    """Return what differs, what breaks something first."""
    found = [
        *_columns(old, new),
        *_rules("rows", old["row_rules"], new["row_rules"]),
        *_files(old, new),
        *_reading(old["reading"], new["reading"], [*old["columns"], *old["reading"]["input_only"]]),
        *_table(old, new),
        *_values(old, new),
    ]
    return sorted(found, key=lambda change: not change.breaks)


def needs_version(old: ContractDocument, new: ContractDocument) -> bool:
    """Return whether the change is incompatible and the version was not raised."""
    return new["version"] <= old["version"] and any(change.breaks for change in changes(old, new))


def _columns(old: ContractDocument, new: ContractDocument) -> Iterator[Change]:
    before, after = old["columns"], new["columns"]
    renamed = {
        name: alias
        for alias, name in new["reading"]["aliases"].items()
        if alias in before and alias not in after and name in after and name not in before
    }
    for name in before:
        if name not in after and name not in renamed.values():
            yield Change(f"column {name} is removed", "consumers", "queries that name it fail; files may not hold it")
    for name in after:
        if name in before:
            yield from _column(name, before[name], after[name])
            yield from _type(name, before[name]["type"], after[name]["type"], new)
        elif name in renamed:
            yield from _renaming(name, renamed[name], before, new)
        elif after[name]["in_files"] and name not in new["reading"]["optional"]:
            yield Change(f"column {name} is added", "producers", "files without it are rejected; older rows have none")
        else:
            yield Change(f"column {name} is added", "nobody", "rows published before have no value in it")
    if list(before) != list(after) and set(before) == set(after):
        yield Change("the columns are in another order", "nobody", "SELECT * shows them so; Parquet goes by name")


def _renaming(name: str, alias: str, before: ContractDocument, new: ContractDocument) -> Iterator[Change]:
    is_same = new["table"] == "iceberg" and _reads(before[alias]["type"], new["columns"][name]["type"], new)
    older = "older rows keep their values" if is_same else "older rows have no value until sluice migrate"
    yield Change(f"column {alias} is renamed {name}", "consumers", f"queries that name {alias} fail; {older}")


def _type(name: str, old: str, new: str, contract: ContractDocument) -> Iterator[Change]:
    if old == new:
        return
    what = f"{name} is {new} instead of {old}"
    if _reads(old, new, contract) and name not in {part["name"] for part in contract["partition_by"]}:
        yield Change(what, "nobody", "readers take the older files as the wider type")
    else:
        yield Change(what, "consumers", _REFUSED)


def _reads(old: str, new: str, contract: ContractDocument) -> bool:
    return reads_as(old, new, kind=contract["table"], partitioned=bool(contract["partition_by"]))


def _column(name: str, old: ContractDocument, new: ContractDocument) -> Iterator[Change]:
    if new["nullable"] and not old["nullable"]:
        yield Change(f"{name} may be missing", "consumers", "queries meet rows without a value")
    if old["nullable"] and not new["nullable"]:
        yield Change(f"{name} must be present", "producers", f"rows without it are quarantined ({name}_is_present)")
    if old["in_files"] != new["in_files"]:
        yield Change(f"{name} is {'read from' if new['in_files'] else 'no longer in'} the files", "producers", AGAIN)
    yield from _rules(name, old["rules"], new["rules"])


def _rules(of: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    for name in old.keys() - new.keys():
        yield Change(f"rule {name} is dropped", "nobody", f"more {of} values pass; queries may return new ones")
    for name, test in new.items():
        if name not in old:
            yield Change(f"rule {name} is new", "producers", "rows that fail it are quarantined; those published stay")
        elif old[name] != test:
            what = f"rule {name} tests {test} instead of {old[name]}"
            yield Change(what, "producers", "rows may be quarantined that passed before; rename the rule, too")


def _files(old: ContractDocument, new: ContractDocument) -> Iterator[Change]:
    for pattern in old["files"]:
        if pattern not in new["files"]:
            yield Change(f"files may not be named {pattern}", "producers", "such uploads are rejected; their rows stay")
    for pattern in new["files"]:
        if pattern not in old["files"]:
            yield Change(f"files may be named {pattern}", "nobody", "such uploads are accepted from now on")
    for name in set(new["same_as_key"]) - set(old["same_as_key"]):
        yield Change(f"{name} must be that of the key", "producers", f"other rows are quarantined ({name}_equals_key)")
    for name in set(old["same_as_key"]) - set(new["same_as_key"]):
        yield Change(f"{name} may differ from the key", "nobody", "rows that differ are published")
    yield from _limit(old["quarantine_limit"], new["quarantine_limit"])


def _limit(old: float, new: float) -> Iterator[Change]:
    if new < old:
        yield Change(f"at most {new:.0%} of a file may be bad, not {old:.0%}", "producers", "more files are rejected")
    if new > old:
        yield Change(f"{new:.0%} of a file may be bad, not {old:.0%}", "nobody", "more is quarantined, less rejected")


def _reading(old: ContractDocument, new: ContractDocument, old_columns: Collection[str]) -> Iterator[Change]:
    for name in ("delimiter", "quote", "encoding", "decimal_comma"):
        if old[name] != new[name]:
            yield Change(
                f"{name} is {new[name]!r} instead of {old[name]!r}", "producers", "files as before are rejected"
            )
    if old["unknown_columns"] != new["unknown_columns"]:
        looser = old["unknown_columns"] == "reject"
        what = f"unknown columns: {new['unknown_columns']} instead of {old['unknown_columns']}"
        touches: Touches = "nobody" if looser else "producers" if new["unknown_columns"] == "reject" else "consumers"
        yield Change(what, touches, _POLICIES[new["unknown_columns"]])
    for name in set(old["input_only"]) - set(new["input_only"]):
        yield Change(f"files need no column {name}", "producers", "it is unknown now, unless the table has it")
    for name in set(new["input_only"]) - set(old["input_only"]):
        yield Change(f"files need a column {name}", "producers", "files without it are rejected")
    for name in set(old["optional"]) - set(new["optional"]):
        yield Change(f"files must have the column {name}", "producers", "files without it are rejected")
    for name in set(new["optional"]) & set(old_columns) - set(old["optional"]):
        yield Change(f"files may lack the column {name}", "nobody", "their rows have no value in it")
    for alias in old["aliases"].keys() - new["aliases"].keys():
        yield Change(
            f"header {alias!r} no longer means {old['aliases'][alias]}", "producers", "such files are rejected"
        )
    for alias, name in new["aliases"].items():
        if old["aliases"].get(alias) != name:
            yield Change(
                f"header {alias!r} means {name}",
                "values" if alias in old["aliases"] else "nobody",
                "more files are accepted",
            )
    yield from _markers(set(old["null_markers"]), set(new["null_markers"]))
    yield from _of_columns(old, new, old_columns)
    for setting in ("escape", "trailing_delimiter", "quoted_empty_is_text", "skip_lines"):
        if old.get(setting) != new.get(setting):
            yield Change(f"{setting} is {new.get(setting) or 'not set'}", "producers", "files are read otherwise")


_POLICIES = {
    "reject": "files with such columns are rejected",
    "ignore": "such columns are left out, and the manifest notes them",
    "keep": "the table gets a column _extra; rows published before have no value in it",
}


def _markers(old: set[str], new: set[str]) -> Iterator[Change]:
    for marker in sorted(new - old):
        yield Change(f"{marker!r} means that there is no value", "values", "required columns refuse it; " + AGAIN)
    for marker in sorted(old - new):
        yield Change(f"{marker!r} is a text like any other", "values", "numbers and dates refuse it; " + AGAIN)


def _of_columns(old: ContractDocument, new: ContractDocument, old_columns: Collection[str]) -> Iterator[Change]:
    """Yield the changes of how a column is read. A column that is new has no rows that were read before."""
    for name in old_columns:
        yield from _dates(name, old["dates"].get(name, []), new["dates"].get(name, []))
        for setting in ("null_markers_by_column", "time_zones", "century_pivots"):
            before, after = (of.get(setting, {}).get(name) for of in (old, new))
            # A pivot comes and goes with the formats that need it.
            if before != after and (setting != "century_pivots" or (before and after)):
                yield Change(f"{setting} of {name}: {after or 'none'} instead of {before or 'none'}", "values", AGAIN)


def _dates(name: str, old: list[str], new: list[str]) -> Iterator[Change]:
    if old == new:
        return
    what = f"{name} is written {' or '.join(new) or 'as ISO 8601'}"
    if old and new[: len(old)] == old:
        yield Change(what, "nobody", "more rows are read; those read before are read as before")
    else:
        yield Change(what, "producers", "dates in other formats are quarantined, or read otherwise")


def _table(old: ContractDocument, new: ContractDocument) -> Iterator[Change]:
    if old["dataset"] != new["dataset"]:
        effect = "a new table, to which sluice migrate moves the files: the rows of each leave the old table then"
        yield Change(f"the dataset is called {new['dataset']}", "consumers", effect)
    before, after = old.get("table", "parquet"), new["table"]
    if before != after:
        what = f"the table is of the kind {after} instead of {before}"
        yield Change(what, "consumers", _REFUSED)
    names, now = ([part["name"] for part in of["partition_by"]] for of in (old, new))
    if names != now:
        yield Change(f"partitioned by {', '.join(now) or 'nothing'}", "consumers", _REFUSED)
    elif old["partition_by"] != new["partition_by"]:
        yield Change(f"{', '.join(now)}: made otherwise of the row", "values", AGAIN)
    for name in sorted(old["personal"].keys() | new["personal"].keys()):
        before, after = old["personal"].get(name), new["personal"].get(name)
        if before != after and name in old["columns"].keys() & new["columns"].keys():
            what = f"personal {name}: {after or 'no longer personal'} instead of {before or 'not personal'}"
            masked = {before, after} == {None, "keep"}
            effect = "masked where bad rows are shown, or no longer; the table stays" if masked else AGAIN
            yield Change(what, "nobody" if masked and after else "consumers", effect)


def _values(old: ContractDocument, new: ContractDocument) -> Iterator[Change]:
    for name in sorted(new["discard"].keys() - old["discard"].keys()):
        yield Change(f"rows are discarded as {name}", "values", "they are left out of files to come; " + AGAIN)
    for name in sorted(old["discard"].keys() - new["discard"].keys()):
        yield Change(f"rows are no longer discarded as {name}", "values", "such rows are published or quarantined")
    for name in sorted(old["discard"].keys() & new["discard"].keys()):
        if old["discard"][name] != new["discard"][name]:
            yield Change(f"other rows are discarded as {name}: {new['discard'][name]}", "values", AGAIN)
    for part, what in _PARTS.items():
        if old[part] != new[part]:
            yield Change(f"{what}: {_short(new[part])} instead of {_short(old[part])}", "values", AGAIN)
    if old["expected_every_seconds"] != new["expected_every_seconds"]:
        yield Change("another time makes the dataset stale", "nobody", "the table stays")
    if not old["latest_across_files"] and new["latest_across_files"]:
        yield Change(
            "the key decides across files", "nobody", f"{new['dataset']}_latest shows the latest row of each key"
        )
    if old["latest_across_files"] and not new["latest_across_files"]:
        yield Change("the key decides within a file only", "consumers", f"{new['dataset']}_latest is no longer kept")
    if old["about"] != new["about"]:
        yield Change("the row is described otherwise", "nobody", "the table stays")


_PARTS = {
    "cleaning": "cleaning steps",
    "unique": "the key of a row",
    "impute": "imputed values",
    "outliers": "outliers",
}


def _short(value: Any) -> str:
    if value in (None, [], {}):
        return "none"
    if isinstance(value, list):
        return "; ".join(_short(each) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_short(each)}" for name, each in value.items() if each is not None)
    return str(value)
