import polars as pl
import pytest

from sluice.clean.dictionary import by_distinct_text


class Lowered:
    """Work that notes how many texts it was given."""

    def __init__(self) -> None:
        self.texts = 0

    def __call__(self, cells: pl.Series) -> pl.Series:
        self.texts += len(cells)
        return cells.str.strip_chars().str.to_lowercase()


def numbers(count: int, times: int) -> list[str]:
    return [f" N{number}" for number in range(count)] * times


@pytest.mark.parametrize(
    ("cells", "texts"),
    [
        (["a", " B ", "", "c", None] * 800, 4),
        ([None] * 2_000, 0),
        (numbers(300, 20), 300),
        (numbers(5_000, 1), 5_000),
        ([*numbers(1, 4_000), *numbers(2_500, 1)], 6_500),
        (["a", " B "] * 100, 200),
        ([], 0),
    ],
)
def test_each_text_is_worked_on_once_where_texts_repeat(cells: list[str | None], texts: int):
    work = Lowered()
    column = pl.Series("cell", cells, dtype=pl.String)
    found = by_distinct_text(work, column)
    assert found.equals(Lowered()(column), check_names=True, null_equal=True)
    assert work.texts == texts
