"""Dots and curves, whatever they show: room for words, sizes, refusals, what is said around."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text
from PIL import Image

from sofs_bayes.errors import BadInput
from sofs_bayes.figures import (
    STYLE,
    arm_years,
    predictive,
    prior_posterior,
    shrinkage,
    threshold_curve,
    tipping_curve,
)
from sofs_bayes.figures.canvas import Canvas, KeyEntry, Said, name_of
from sofs_bayes.figures.curves import Panel, curves
from sofs_bayes.figures.dots import Beside, Row, dots
from sofs_bayes.figures.drawing import drawn
from sofs_bayes.figures.intervals import finding
from sofs_bayes.figures.marks import Axis, Dot, Rule, Series, Span
from sofs_bayes.figures.numbers import SCALES
from sofs_bayes.figures.refusals import check_rows
from sofs_bayes.figures.style import LINES, balanced, marker, wrap

Faults = Callable[[Figure], list[str]]
WIDTHS = (STYLE.width, STYLE.narrow)  # a page's, and a telephone's in inches
LONG = "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogoch and the Isles"
KEY = tuple(KeyEntry(name=f"the line of prior {i}", line=look) for i, look in enumerate(LINES))


def canvas(**changed: Any) -> Canvas:
    words: dict[str, Any] = {
        "name": "made-up",
        "title": "A title that goes on and on, " * 3,
        "evidence": ("synthetic", "records"),
        "subtitle": "what is counted, per 100 of those that are counted",
        "notes": ("A note that goes on and on, from one end of the page to the other. " * 2,),
        "key": KEY,
    }
    return Canvas(**(words | changed))


def panels(number: int, **changed: Any) -> list[Panel]:
    """The same lines over and over, named at their ends, with a span and a rule."""
    x = (0.0, 1.0, 2.0)
    series = [
        Series(x=x, y=(0.0, 1.0, 2.0 + 0.1 * i), look=look, name=f"prior {i}", at=2.0 + 0.1 * i)
        for i, look in enumerate(LINES[:3])
    ]
    span, rule = Span(ends=(0.5, 1.0), name="settling-in"), Rule(at=1.5, look=LINES[0], which="y")
    across = Axis(ends=(-0.1, 2.1), name="a value")
    return [
        Panel(
            x=across,
            y=Axis(ends=(0.0, 2.5), guides=True),
            marks=[span, rule, *series],
            **{key: value(i) for key, value in changed.items()},
        )
        for i in range(number)
    ]


def rows(number: int) -> list[Row]:
    look = marker("o", 5.0, STYLE.strong)
    return [
        Row(
            label=LONG if i == 1 else f"row {i}",
            dots=[Dot(value=i, lower=i - 1.0, upper=i + 1.0, look=look, bar=LINES[0])],
            beside=[Beside(text=f"+{i}.0 [−1.0, +1.0]"), Beside(text="60%", column=1)],
            bold=i == number - 1,
            apart=i == number - 1,
        )
        for i in range(number)
    ]


def forest(**changed: Any) -> Figure:
    axis = Axis(ends=(-2.0, 8.0), name="change in what is counted, in percentage points")
    return dots(canvas(**changed), rows(6), axis, columns=("median [90%]", "pulled in"))


def inches(axes: Axes) -> float:
    figure = axes.get_figure(root=True)
    assert figure is not None
    return float(axes.get_position().height * figure.get_figheight())


# ------------------------------------------------------------------------------ geometry


@pytest.mark.parametrize("width", WIDTHS)
def test_words_of_dots_find_room_at_any_width(width: float, faults: Faults) -> None:
    figure = forest(width=width)
    assert faults(figure) == []
    assert figure.get_figwidth() == pytest.approx(width)


@pytest.mark.parametrize("width", WIDTHS)
def test_words_of_curves_find_room_at_any_width(width: float, faults: Faults) -> None:
    changed = {"heading": lambda i: LONG * (i == 1), "note": lambda i: f"note {i}"}
    figure = curves(canvas(width=width), panels(2, **changed), height=1.4)
    assert faults(figure) == []


def test_panels_are_as_high_as_was_asked_whatever_stands_above_them() -> None:
    changed = {
        "heading": lambda i: LONG if i == 4 else "short",
        "group": lambda i: f"group {i}" if i in (0, 4) else "",
    }
    figure = curves(canvas(), panels(7, **changed), height=0.9, columns=3)
    assert [inches(axes) for axes in figure.axes] == pytest.approx([0.9] * 7, abs=0.01)
    widths = {round(axes.get_position().width, 4) for axes in figure.axes}
    assert len(widths) == 1


def test_shared_axes_are_labelled_once() -> None:
    figure = curves(canvas(), panels(4), height=0.9, columns=2, shared="xy")
    figure.draw_without_rendering()
    labelled = [
        (
            any(tick.label1.get_visible() for tick in axes.xaxis.get_major_ticks()),
            any(tick.label1.get_visible() for tick in axes.yaxis.get_major_ticks()),
        )
        for axes in figure.axes
    ]
    assert labelled == [(False, True), (False, False), (True, True), (True, False)]


def test_the_layout_is_kept_when_a_picture_is_drawn_again() -> None:
    figure = forest()
    before = [axes.get_position().bounds for axes in figure.axes]
    for dpi in (72, 160, 300):
        figure.set_dpi(dpi)
        figure.draw_without_rendering()
    assert [axes.get_position().bounds for axes in figure.axes] == before


def test_names_stand_beside_the_ends_of_their_lines_in_order() -> None:
    figure = curves(canvas(key=()), panels(1), height=2.0)
    figure.draw_without_rendering()
    found = {
        legend.get_texts()[0].get_text(): legend.get_window_extent()
        for legend in figure.findobj(Legend)
    }
    edge = figure.axes[0].get_window_extent().x1
    assert all(box.x0 > edge for box in found.values())
    assert sorted(found, key=lambda name: found[name].y0) == ["prior 0", "prior 1", "prior 2"]


def test_balanced_lines_are_as_few_and_about_equally_long() -> None:
    text = "pilots, expected without the practice model (median, 90% interval)"
    lines = balanced(text, 8.0, 1.75).split("\n")
    assert " ".join(lines) == text
    assert len(lines) == len(wrap(text, 8.0, 1.75))
    assert min(map(len, lines)) > 0.6 * max(map(len, lines))
    assert balanced("short", 8.0, 1.75) == "short"


# ---------------------------------------------------------------------------- what is said


def test_a_canvas_takes_what_it_is_told_and_adds_its_own() -> None:
    told: Any = {"title": "T", "evidence": "records", "notes": ("Told.",)}
    found = Canvas.of(told, "usual", notes=["Own."], subtitle="rates")
    assert (found.name, found.title, found.evidence) == ("usual", "T", ("records",))
    assert (found.notes, found.subtitle, found.status) == (["Own.", "Told."], "rates", "converged")
    refused = Canvas.of({**told, "name": "mine", "status": "not converged"}, "usual")
    assert (refused.name, refused.caption) == ("mine", "NOT CONVERGED: T")


def test_words_open_with_a_refusal_and_data_are_the_rows() -> None:
    found = drawn(canvas(status="not converged"), empty, "Six rows.", int, [1, 2])
    assert found.alt == "Not converged, so not a result. Six rows."
    assert (found.name, found.data) == ("made-up", (int, (1, 2)))
    assert drawn(canvas(), empty, "Six rows.", int, []).alt == "Six rows."


def empty(canvas: Canvas) -> Figure:
    return Figure(figsize=(canvas.width, 1.0))


def test_a_drawing_is_drawn_when_it_is_looked_at_and_once_for_each_width() -> None:
    asked = []

    def chart(canvas: Canvas) -> Figure:
        asked.append(canvas.width)
        return empty(canvas)

    found = drawn(canvas(), chart, "Nothing.", int, [])
    assert asked == []
    assert found.figure is found.figure
    narrow = found.png(width=STYLE.narrow, dpi=100)
    assert asked == [STYLE.width, STYLE.narrow]
    with Image.open(BytesIO(narrow)) as picture:
        assert picture.width == round(100 * STYLE.narrow)
        assert picture.info["Description"] == "Nothing."


def test_where_it_is_narrow_labels_stand_above_their_dots() -> None:
    for width in (STYLE.width, STYLE.narrow):
        figure = forest(width=width)
        figure.draw_without_rendering()
        (label,) = (text for text in figure.findobj(Text) if text.get_text() == "row 2")
        (dot,) = (line for line in figure.axes[0].lines if list(line.get_xdata()) == [2])  # type: ignore[arg-type]
        _, y = figure.axes[0].transData.transform((2.0, dot.get_ydata()[0]))  # type: ignore[index]
        assert (label.get_window_extent().y0 > y) == (width == STYLE.narrow)


@pytest.mark.parametrize("across", [True, False])
def test_the_inner_stretch_of_a_bar_is_solid_and_thicker(across: bool) -> None:
    axes = Figure().add_subplot()
    bar = {"color": STYLE.second, "linewidth": 1.2, "linestyle": (0, (3, 1.2))}
    ends = {"value": 5.0, "lower": 2.0, "upper": 9.0}
    Dot(**ends, inner=(4.0, 7.0), look=marker("o", 5.0, STYLE.strong), bar=bar, across=across).draw(
        axes
    )
    outer, inner, _ = axes.lines
    values = [line.get_xdata() if across else line.get_ydata() for line in (outer, inner)]
    assert [list(each) for each in values] == [[2.0, 9.0], [4.0, 7.0]]  # type: ignore[arg-type]
    assert inner.get_linewidth() > 2 * outer.get_linewidth()
    assert (outer.get_linestyle(), inner.get_linestyle()) == ("--", "-")
    assert inner.get_color() == outer.get_color()
    Dot(**ends, look=marker("o", 5.0, STYLE.strong), bar=bar).draw(axes)
    assert len(axes.lines) == 5


def test_where_it_is_narrow_rows_of_lanes_leave_half_the_page_to_their_dots(faults: Faults) -> None:
    lanes = [replace(row, lanes=0.4) for row in rows(6)]
    axis = Axis(ends=(-2.0, 8.0), name="change in what is counted, in percentage points")
    narrow = canvas(width=STYLE.narrow)
    figure = dots(narrow, lanes, axis, columns=("median [90%]", "pulled in"))
    assert faults(figure) == []
    (axes,) = figure.axes
    assert axes.get_position().width * STYLE.narrow > 0.5 * narrow.inner
    written = [text.get_text() for text in figure.findobj(Text)]
    assert written.count("pulled in 60%") == 6
    assert "pulled in" not in written


def test_where_it_is_narrow_dots_begin_at_the_margin() -> None:
    (axes,) = forest(width=STYLE.narrow).axes
    assert axes.get_position().x0 * STYLE.narrow < STYLE.margin + 0.25


def test_where_it_is_narrow_lines_are_named_in_the_key_and_two_panels_stand_abreast() -> None:
    figure = curves(canvas(key=(), width=STYLE.narrow), panels(4), height=0.9, columns=4)
    named = [each.get_texts()[0].get_text() for each in figure.findobj(Legend)]
    assert named == ["prior 0", "prior 1", "prior 2"]
    assert len({round(axes.get_position().x0, 3) for axes in figure.axes}) == 2


def test_in_a_grid_a_row_is_labelled_at_the_left_and_a_column_above() -> None:
    changed = {"side": lambda i: f"row {i // 2}", "heading": lambda i: f"column {i % 2}"}
    texts = {}
    for width in (STYLE.width, STYLE.narrow):
        figure = curves(canvas(width=width), panels(4, **changed), height=0.9, columns=2)
        texts[width] = [text.get_text() for text in figure.findobj(Text)]
    assert [texts[STYLE.width].count(each) for each in ("row 1", "column 1")] == [1, 1]
    assert "row 1: column 1" in texts[STYLE.narrow]


def test_dollar_signs_are_not_formulas() -> None:
    named = KeyEntry(name="a $key$", line=LINES[0])
    series = Series(x=(0.0, 1.0), y=(0.0, 1.0), look=LINES[0], name="a $name$", at=0.5)
    axis = Axis(ends=(0.0, 1.0), name="an $axis$", ticks={0.5: "a $tick$"})
    panel = Panel(x=axis, y=axis, marks=[series], heading="a $heading$")
    figure = curves(canvas(key=[named], title="a $title$"), [panel], height=1.0)
    written = [text for text in figure.findobj(Text) if "$" in text.get_text()]
    assert len({text.get_text() for text in written}) == 6
    assert not any(text.get_parse_math() for text in written)


# ------------------------------------------------------------------------------- bad input


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    value: float
    unit: str = "pp"


@pytest.mark.parametrize(
    ("found", "asked", "said"),
    [
        ([], {}, "rows: found no rows; allowed: one row or more"),
        ([1.0, float("nan")], {"finite": ("value",)}, "row 2, value: found nan; allowed: a finite"),
        ([float("-inf")], {"finite": ("value",)}, "row 1, value: found -inf; allowed: a finite"),
        ([1.0, 1.0], {"once": ("value", ["a", "a"])}, "value: found 'a' twice; allowed: each only"),
        ([1.0, 2.0], {"same": ("value",)}, "value: found 1.0, 2.0; allowed: the same in all rows"),
    ],
)
def test_rows_are_refused_with_place_found_and_allowed(
    found: list[float], asked: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadInput) as caught:
        check_rows("made-up", [Number(value=value) for value in found], **asked)
    assert str(caught.value).startswith(f"figure made-up: {said}")


def test_rows_that_are_as_asked_pass() -> None:
    made = [Number(value=1.0), Number(value=2.0)]
    check_rows("made-up", made, finite=("value",), once=("value", ["1", "2"]), same=("unit",))


def test_keywords_are_refused_as_a_signature_would() -> None:
    found: Any = {"title": "T", "evidence": "records"}
    with pytest.raises(
        TypeError, match=r"missing keywords \['status'\], unknown ones \['states'\]"
    ):
        name_of({**found, "states": "converged"}, Said, "usual")
    told = {**found, "status": "converged"}
    assert name_of(told, Said, "usual") == "usual"
    assert name_of({**told, "name": "mine"}, Said, "usual") == "mine"
    for draw in (shrinkage, tipping_curve, threshold_curve, prior_posterior, predictive, arm_years):
        with pytest.raises(TypeError, match="missing"):
            draw([], **found)  # type: ignore[operator]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a finding asks of rows."""

    lower: float
    upper: float


@pytest.mark.parametrize(
    ("ends", "scale", "said"),
    [
        ([(-1.0, 1.0)], "risk", "The interval includes 0"),
        ([(0.5, 1.0)], "risk", "The interval excludes 0"),
        ([(-1.0, 1.0), (-2.0, 0.0)], "risk", "All 2 intervals include 0"),
        ([(1.1, 1.4), (0.2, 0.9)], "odds ratio", "All 2 intervals exclude 1"),
        ([(1.0, 2.0), (-1.0, 1.0), (-1.0, 2.0)], "risk", "1 of 3 intervals excludes 0"),
    ],
)
def test_a_title_counts_the_intervals_that_exclude_no_effect(
    ends: list[tuple[float, float]], scale: str, said: str
) -> None:
    rows: Any = [Bounds(lower=lower, upper=upper) for lower, upper in ends]
    assert finding(rows, SCALES[scale]) == said
