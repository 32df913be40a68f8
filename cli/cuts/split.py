"""Which rows of a table are for training, which for the test, and which are left out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sluice.errors import SluiceError

TRAIN, TEST = "train", "test"
_TIMES = ("date", "timestamp")


class NoTimeColumn(SluiceError):
    """The columns do not say which one a cut is by."""


class KeyUnknown(SluiceError):
    """The table has no column of the key's name."""


@dataclass(frozen=True)
class Split:
    """A split by time, and by the values of a column if there is a key. Times are UTC.

    The test has the rows from `test_from` on. Training has those before `train_until` that are also at least `gap`
    before `test_from`, as in https://scikit-learn.org/stable/modules/generated/sklearn.model_selection.TimeSeriesSplit.html.
    With a key, the test is on keys that are not in training, as in
    https://scikit-learn.org/stable/modules/cross_validation.html#cross-validation-iterators-for-grouped-data:
    a key that has a training row has no test row. Training loses no row by it.
    """

    time: str
    train_until: datetime
    test_from: datetime
    gap: timedelta = timedelta(0)
    key: str | None = None

    def __post_init__(self) -> None:
        """Raises ValueError when the test would begin before training ends."""
        if self.test_from < self.train_until:
            raise ValueError("the test begins before training ends")

    @property
    def train_end(self) -> datetime:
        """Training rows are before this time."""
        return min(self.train_until, self.test_from - self.gap)

    def part(self, table: str) -> str:
        """Return SQL of DuckDB that is the part of a row of a table: train, test, or the reason it is left out."""
        time = f"CAST({quoted(self.time)} AS TIMESTAMP)"
        in_training = f"{time} < {_literal(self.train_end)}"
        cases = [f"WHEN {time} IS NULL THEN 'time_missing'"]
        if self.key:
            key = quoted(self.key)
            cases += [f"WHEN {key} IS NULL THEN 'key_missing'"]
        cases += [f"WHEN {in_training} THEN '{TRAIN}'", f"WHEN {time} < {_literal(self.test_from)} THEN 'gap'"]
        if self.key:
            keys = f"SELECT {key} FROM {table} WHERE {in_training}"  # noqa: S608 (quoted, and our own)
            cases += [f"WHEN {key} IN ({keys}) THEN 'key_in_train'"]
        return f"CASE {' '.join(cases)} ELSE '{TEST}' END"


def time_column(columns: Mapping[str, str], asked: str | None) -> str:
    """Return the column that a cut is by. columns: Iceberg's types by name. Raises NoTimeColumn."""
    times = [name for name, type_ in columns.items() if type_ in _TIMES]
    if asked is None and len(times) == 1:
        return times[0]
    if asked in times:
        return str(asked)
    have = f"the columns with a date or timestamp are: {', '.join(times) or 'none'}"
    if asked is None:
        raise NoTimeColumn(f"training and test are split by one time, and {have}. Name one with --time")
    raise NoTimeColumn(f"{asked} is not one of them: {have}")


def known_key(columns: Mapping[str, str], asked: str | None) -> str | None:
    """Return the key. Raises KeyUnknown."""
    if asked is not None and asked not in columns:
        raise KeyUnknown(f"there is no column {asked}; --key takes one of: {', '.join(columns)}")
    return asked


def quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def _literal(time: datetime) -> str:
    return f"TIMESTAMP '{time.astimezone(UTC).replace(tzinfo=None).isoformat(sep=' ')}'"
