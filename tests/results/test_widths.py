"""Columns are as wide as what they hold, and the page is turned where it has to be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sofs_bayes.tables.formats import Column, Table
from sofs_bayes.tables.widths import (
    BOLD,
    LANDSCAPE,
    LETTER,
    PADDING,
    PORTRAIT,
    SMALLEST,
    layout_of,
    letters_of,
    width_of,
)


def table(count: int, *, heading: str = "Median", label: str = "Pilot 1") -> Table:
    columns = [Column(key="label", heading="Effect in")]
    columns += [Column(key=f"c{i}", heading=heading, format="pp") for i in range(count)]
    rows = ((label, *[0.123] * count),) * 3
    return Table(name="t", title="T", columns=tuple(columns), rows=rows, evidence="synthetic")


@pytest.mark.parametrize(
    ("count", "landscape"), [(1, False), (5, False), (9, False), (14, True), (30, True)]
)
def test_wide_tables_turn_the_page(count: int, landscape: bool) -> None:
    found = layout_of(table(count))
    assert found.landscape == landscape
    assert sum(found.widths) <= (LANDSCAPE if landscape else PORTRAIT) * 1.0001
    assert len(found.widths) == count + 1


def test_type_gets_smaller_before_a_table_is_squeezed() -> None:
    sizes = [layout_of(table(count)).size for count in (3, 12, 17, 40)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == SMALLEST


def test_numbers_and_words_of_headings_stay_whole() -> None:
    found = layout_of(table(6, heading="Probability"))
    for width in found.widths[1:]:
        room = (width - PADDING) / (found.size * LETTER)
        assert room >= width_of("+12.3")
        assert room >= width_of("Probability")


def test_long_text_is_wrapped_and_takes_what_numbers_leave() -> None:
    found = layout_of(table(6, label="word " * 60))
    assert not found.landscape
    assert sum(found.widths) == pytest.approx(PORTRAIT)
    assert found.widths[0] > 2 * max(found.widths[1:])


def test_a_heading_above_headings_has_room() -> None:
    columns = (
        Column(key="a", heading="A"),
        Column(key="b", heading="B", format="year", group="Administrative authorities"),
    )
    made = Table(name="t", title="T", columns=columns, rows=(("a", 2012),), evidence="synthetic")
    assert letters_of(made)[1].least >= width_of("Administrative")


@given(text=st.text(max_size=30), more=st.text(min_size=1, max_size=5))
def test_more_text_is_wider(text: str, more: str) -> None:
    assert width_of(text + more) > width_of(text) > 0


def test_capitals_are_wider_than_small_letters_and_points_narrower() -> None:
    assert width_of("MMMM") > width_of("AAAA") > width_of("aaaa") > width_of("....")


def test_smaller_type_comes_before_labels_in_two_lines() -> None:
    roomy = layout_of(table(5, label="A label of some words"))
    tight = layout_of(table(8, label="A label of some words"))
    assert (roomy.size, tight.size) == (9.0, 8.0)
    for found in (roomy, tight):
        room = (found.widths[0] - PADDING) / (found.size * LETTER)
        assert room >= width_of("A label of some words") - 1e-9


def lines(text: str, room: float) -> int:
    """Of a bold heading that is filled word by word, as Word does."""
    count, line = 1, ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if width_of(longer, BOLD) > room + 1e-9:
            count, longer = count + 1, word
        line = longer
    return count


@pytest.mark.parametrize("heading", ["P(> 0 pp)", "P(within ±1 pp)", "Posterior probability of it"])
def test_headings_take_two_lines_at_most(heading: str) -> None:
    found = layout_of(table(3, heading=heading))
    room = (found.widths[1] - PADDING) / (found.size * LETTER)
    assert lines(heading, room) <= 2
    assert lines(heading, room / 2) > 2
