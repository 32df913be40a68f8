import polars as pl
import pytest

from sluice.clean.dictionary import DictionaryEncoder

FEW = ["a", " B ", "", "c", None]


class Told:
    """Work that tells to how many cells it was done each time."""

    def __init__(self) -> None:
        self.times: list[int] = []

    def __call__(self, cells: pl.Series) -> pl.Series:
        self.times.append(len(cells))
        return cells.str.strip_chars().str.to_lowercase()


def column(cells: list[str | None]) -> pl.Series:
    return pl.Series("cell", cells, dtype=pl.String)


def each(times: int, cells: list[str | None]) -> pl.Series:
    return column([cell for cell in cells for _ in range(times)])


def numbers(first: int, count: int) -> list[str | None]:
    return [f" {number}" for number in range(first, first + count)]


def is_right(few: DictionaryEncoder, cells: pl.Series) -> bool:
    found = few.looked_up(cells)
    return found is not None and found.cells().equals(Told()(cells), check_names=True, null_equal=True)


def test_each_text_is_worked_out_once_for_all_batches():
    work = Told()
    few = DictionaryEncoder(work)
    cells = column(FEW * 800)
    assert is_right(few, cells)
    assert is_right(few, cells.reverse())
    assert work.times == [4]


def test_a_text_that_a_later_batch_brings_is_worked_out_for_its_cells():
    work = Told()
    few = DictionaryEncoder(work)
    assert is_right(few, column(FEW * 800))
    assert is_right(few, column([*FEW * 800, "rare", " Rarer ", "rare"]))
    assert work.times == [4, 3]


def test_a_later_batch_may_bring_more_texts_than_the_places_of_the_known_ones_can_count():
    few = DictionaryEncoder(Told())
    assert is_right(few, column(numbers(0, 250) * 10))
    assert is_right(few, column([*numbers(0, 250) * 10, None, *numbers(250, 300)]))


def test_other_texts_are_learnt_when_the_file_has_gone_on_to_them():
    work = Told()
    few = DictionaryEncoder(work)
    for day in (["1", "2"], ["2", "3"], ["3", "3"]):
        assert is_right(few, column(day * 1_000))
    assert work.times == [2, 2]


@pytest.mark.parametrize("counted", [False, True])
def test_cells_that_differ_much_are_not_looked_up(counted: bool):
    few = DictionaryEncoder(Told(), counted)
    assert few.looked_up(column(numbers(0, 4_000))) is None
    assert few.looked_up(column(FEW * 200)) is None
    assert is_right(few, column(FEW * 800))
    assert few.looked_up(column(numbers(0, 4_000))) is None


def test_texts_that_come_four_times_are_few_when_they_are_counted():
    assert DictionaryEncoder(Told(), counted=True).looked_up(each(3, numbers(0, 2_000))) is None
    cells = each(4, numbers(0, 2_000))
    assert DictionaryEncoder(Told()).looked_up(cells) is None
    work = Told()
    few = DictionaryEncoder(work, counted=True)
    assert is_right(few, cells)
    assert is_right(few, cells)
    assert work.times == [2_000]


def test_texts_that_were_not_few_are_counted_again_after_16_batches():
    few = DictionaryEncoder(Told(), counted=True)
    assert few.looked_up(column(numbers(0, 4_000))) is None
    cells = each(4, numbers(0, 2_000))
    assert [few.looked_up(cells) is None for _ in range(17)] == [True] * 16 + [False]


def test_another_thread_may_forget_the_texts_meanwhile(monkeypatch: pytest.MonkeyPatch):
    few = DictionaryEncoder(Told())
    cells = column(FEW * 800)
    assert is_right(few, cells)
    answers = [few._known, None, None]
    forgetful = property(lambda _: answers.pop(0), lambda _, known: None)
    monkeypatch.setattr(DictionaryEncoder, "_known", forgetful, raising=False)
    assert is_right(few, cells)


def test_a_column_without_any_text_is_worked_out_too():
    assert is_right(DictionaryEncoder(Told()), column([None] * 2_000))


def test_all_cells_are_worked_out_when_they_differ_much():
    work = Told()
    cells = column([*numbers(0, 4_000), None])
    assert DictionaryEncoder(work).worked_out(cells).equals(Told()(cells), check_names=True, null_equal=True)
    assert work.times == [4_001]
