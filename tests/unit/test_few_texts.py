import polars as pl
import pytest

from sluice.few_texts import by_distinct, by_sample

CELLS = pl.Series("cell", ["a", " B ", None, "", "c"] * 800 + ["rare", " Rarer "])


class Told:
    """Work that tells how many cells it was done to."""

    def __init__(self) -> None:
        self.cells = 0

    def __call__(self, cells: pl.Series) -> pl.Series:
        self.cells += len(cells)
        return cells.str.strip_chars().str.to_lowercase().fill_null("none")


def test_few_texts_are_worked_out_once_each_and_other_cells_one_by_one():
    work = Told()
    assert by_sample(CELLS, work).equals(Told()(CELLS), check_names=True)
    assert work.cells == 4 + 800 + 2  # the texts, the cells without one, what the sample did not meet


def test_cells_that_differ_much_are_not_looked_up():
    cells = pl.Series([str(number) for number in range(4_000)])
    assert by_sample(cells, Told()) is None
    assert by_sample(CELLS.head(1_000), Told()) is None


def test_a_column_without_any_text_is_worked_out_too():
    assert by_sample(pl.Series("cell", [None] * 2_000, dtype=pl.String), Told()).to_list() == ["none"] * 2_000


@pytest.mark.parametrize(("cells", "done"), [(["a", "B ", "a", "a", None] * 9, 2), (["a", "b", "c", "c"], 4), ([], 0)])
def test_distinct_texts_are_worked_out_once_when_most_come_again(cells: list[str | None], done: int):
    def lowered(texts: pl.Series) -> pl.Series:
        counted.append(len(texts))
        return texts.str.strip_chars().str.to_lowercase()

    counted: list[int] = []
    series = pl.Series("cell", cells, dtype=pl.String)
    assert by_distinct(series, lowered).to_list() == lowered(series).to_list()
    assert counted[0] == done
