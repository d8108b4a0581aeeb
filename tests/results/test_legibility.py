"""Every figure can be read in grey, and by people who do not tell red from green: computed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from tests.rows import of_effect, of_fit

from sofs_bayes.checks.calibration import Calibrated
from sofs_bayes.estimands import DensityRow
from sofs_bayes.estimands.rows import ThresholdRow, YearlyRateRow
from sofs_bayes.figures import STYLE, Drawing
from sofs_bayes.figures.recovery import CurveAxes, CurvePoint, method_curves
from sofs_bayes.figures.style import LINES
from sofs_bayes.pages.answer import answer_drawing
from sofs_bayes.pages.calibration_page import calibration_drawings
from sofs_bayes.pages.pictures import brackets, drawings
from sofs_bayes.published.audit import audit
from sofs_bayes.runs.run_folder import Run

Floats = npt.NDArray[np.float64]

CONTRAST = 3.0  # of a line against white, as accessibility guidelines ask of graphics
LIGHTNESS = 15.0  # of 100: what two lines of one style must differ by, in print as on screens
THICKER = 1.6  # times: then one line is seen to be the thick one
WHITE = "#ffffff"
AREA = 6.0  # points: so wide a stroke is an area, with an edge of its own
# Linear RGB as people without one kind of cones see it (Machado, Oliveira, Fernandes 2009).
SEEN = {
    "as it is": np.eye(3),
    "without red cones": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "without green cones": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How a line or marker looks: its colour, and all else that tells it from others."""

    colour: str
    shape: tuple[object, ...]
    width: float
    is_bar: bool


def linear(colour: str) -> Floats:
    """Linear RGB of a colour."""
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def luminance(colour: str, matrix: Floats) -> float:
    """Relative luminance of a colour as seen, 0 (black) to 1 (white)."""
    seen = np.clip(matrix @ linear(colour), 0.0, 1.0)
    return float(seen @ [0.2126, 0.7152, 0.0722])


def lightness(colour: str, matrix: Floats) -> float:
    """CIE lightness of a colour as seen, 0 to 100."""
    y = luminance(colour, matrix)
    return 116 * y ** (1 / 3) - 16 if y > 216 / 24389 else y * 24389 / 27


def contrast(colour: str, matrix: Floats) -> float:
    """Of the colour as seen against white."""
    return 1.05 / (luminance(colour, matrix) + 0.05)


def marks(figure: Figure) -> Iterator[list[Mark]]:
    """The looks in each set of axes and in the key, guides and areas apart."""
    samples = [line for legend in figure.findobj(Legend) for line in legend.get_lines()]
    groups: list[Sequence[Any]] = [figure.lines, samples, *(axes.lines for axes in figure.axes)]
    for lines in groups:
        yield list(dict.fromkeys(mark for line in lines for mark in marks_of(line)))


def runs_across(line: Line2D) -> bool:
    """Whether a line runs from one end of its axes to the other, as no data does."""
    return line.axes is not None and line.get_transform() != line.axes.transData


def marks_of(line: Line2D) -> Iterator[Mark]:
    drawn = line.get_linestyle() != "None"
    marker = str(line.get_marker()) if line.get_marker() not in ("None", None, "") else ""
    if to_hex(line.get_color()) == STYLE.faint:  # type: ignore[arg-type]
        return
    if drawn and not marker and line.get_linewidth() >= AREA:
        return
    dashes = line._unscaled_dash_pattern if drawn else None  # no public name gives the pattern
    edge, face = to_hex(line.get_markeredgecolor()), to_hex(line.get_markerfacecolor())  # type: ignore[arg-type]
    filled = bool(marker) and face != WHITE
    colour = to_hex(line.get_color()) if drawn else face if filled else edge  # type: ignore[arg-type]
    yield Mark(
        colour=colour,
        shape=(str(dashes), marker, filled, runs_across(line)),
        width=line.get_linewidth() if drawn else line.get_markersize(),
        is_bar=drawn and not marker and len(line.get_xdata()) == 2 and not runs_across(line),  # type: ignore[arg-type]
    )


def alike(one: Mark, other: Mark) -> bool:
    """Whether nothing but colour tells two marks apart.

    A bar belongs to the marker on it or the row it is in, and need not be told by itself.
    """
    if one.is_bar or other.is_bar:
        return False
    thicker = max(one.width, other.width) >= THICKER * min(one.width, other.width)
    return one.shape == other.shape and not thicker


def unreadable(figure: Figure) -> list[str]:
    """What is too pale, and what cannot be told apart, in words; nothing if all is well."""
    found = []
    for group in marks(figure):
        for mark in group:
            found += [
                f"{mark.colour} {seen}: contrast {value:.2f}"
                for seen, matrix in SEEN.items()
                if (value := contrast(mark.colour, matrix)) < CONTRAST
            ]
        for one, other in combinations(group, 2):
            if one.colour == other.colour or not alike(one, other):
                continue
            found += [
                f"{one.colour} and {other.colour} {seen}: {one.shape}"
                for seen, matrix in SEEN.items()
                if abs(lightness(one.colour, matrix) - lightness(other.colour, matrix)) < LIGHTNESS
            ]
    return list(dict.fromkeys(found))


# --------------------------------------------------------------------- the check itself


def picture_of(*looks: dict[str, Any]) -> Figure:
    figure = Figure()
    axes = figure.add_axes((0, 0, 1, 1))
    for i, look in enumerate(looks):
        axes.plot([0, 1, 2], [i, i + 1, i], **look)
    return figure


def test_white_is_the_lightest_and_black_the_darkest() -> None:
    for matrix in SEEN.values():
        assert lightness("white", matrix) == pytest.approx(100, abs=0.1)
        assert lightness("black", matrix) == 0.0
        assert contrast("black", matrix) == pytest.approx(21, abs=0.01)
    assert lightness("#777777", SEEN["as it is"]) == pytest.approx(50, abs=0.5)


def test_two_hues_of_one_lightness_and_style_are_refused() -> None:
    red, green = "#c03030", "#00803c"
    assert abs(lightness(red, np.eye(3)) - lightness(green, np.eye(3))) < 5
    found = unreadable(picture_of({"color": red}, {"color": green}))
    assert [line for line in found if "as it is" in line] == [
        f"{red} and {green} as it is: ('(0, None)', '', False, False)"
    ]
    assert unreadable(picture_of({"color": red}, {"color": green, "linestyle": (0, (4, 2))})) == []
    assert unreadable(picture_of({"color": red}, {"color": green, "marker": "o"})) == []


def test_colours_that_only_the_colour_blind_take_for_one_are_refused() -> None:
    pair = ("#ff2020", "#6e6e00")
    plain = abs(lightness(pair[0], np.eye(3)) - lightness(pair[1], np.eye(3)))
    blind = SEEN["without red cones"]
    assert abs(lightness(pair[0], blind) - lightness(pair[1], blind)) < LIGHTNESS
    found = unreadable(picture_of(*({"color": colour} for colour in pair)))
    assert any("without red cones" in line for line in found)
    assert plain != pytest.approx(0.0, abs=1.0)


def test_samples_of_a_key_are_looked_at() -> None:
    figure = Figure()
    lines = [Line2D([], [], color=colour) for colour in ("#c03030", "#00803c", "#bbbbbb")]
    figure.legend(lines, ["one", "other", "pale"])
    found = unreadable(figure)
    assert any(line.startswith("#c03030 and #00803c as it is") for line in found)
    assert any(line.startswith("#bbbbbb as it is: contrast") for line in found)


def test_a_pale_line_is_refused_and_a_guide_is_not() -> None:
    assert unreadable(picture_of({"color": "#bbbbbb"}))
    assert unreadable(picture_of({"color": STYLE.faint})) == []


def test_lines_of_one_picture_differ_without_colour() -> None:
    dashes = [str(look["linestyle"]) for look in LINES]
    assert len(set(dashes)) == len(LINES)
    assert unreadable(picture_of(*(dict(look) for look in LINES))) == []


# ---------------------------------------------------------------------- all the figures


def readable(drawn: Sequence[Drawing]) -> None:
    assert drawn
    assert {each.name: faults for each in drawn if (faults := unreadable(each.figure))} == {}


def threshold_rows(**changed: Any) -> list[ThresholdRow]:
    return [
        ThresholdRow(
            **of_effect("effect after settling-in"),
            target="pooled",
            scale="risk",
            prior=prior,
            **of_fit("main"),
            evidence="synthetic",
            threshold=0.01 * x,
            above=1 / (1 + np.exp(x - i)),
            mcse=0.001,
            status="converged",
        )
        for i, prior in enumerate(("reference", "sceptical", "enthusiastic", "pessimistic"))
        for x in range(-9, 10)
    ]


def yearly_rows() -> list[YearlyRateRow]:
    return [
        YearlyRateRow(
            year=2012 + i,
            period="post",
            **of_effect("effect after settling-in"),
            prior="reference",
            pilots=3,
            observed=0.1 + 0.01 * i,
            comparators=0.12,
            fitted=0.1 + 0.01 * i,
            fitted_lower=0.09,
            fitted_upper=0.14,
            counterfactual=0.12,
            counterfactual_lower=0.08,
            counterfactual_upper=0.2,
            effect=-0.01,
            effect_lower=-0.05,
            effect_upper=0.03,
            level=0.9,
            interval="eti",
        )
        for i in range(3)
    ]


def with_posterior(run: Run, densities: Sequence[DensityRow]) -> Run:
    rows = {
        ThresholdRow: tuple(threshold_rows()),
        YearlyRateRow: tuple(yearly_rows()),
        DensityRow: tuple(densities),
    }
    return replace(run, beside={**run.beside, **rows})


def test_figures_of_runs_are_readable(
    hierarchical_run: Run, open_run: Run, printed_run: Run
) -> None:
    densities = printed_run.rows(DensityRow)
    for run in (hierarchical_run, open_run, printed_run):
        readable(drawings(with_posterior(run, densities)))
    drawing = answer_drawing([open_run, printed_run], [])
    assert drawing is not None
    readable([drawing])


def test_figures_of_the_audit_and_of_calibrations_are_readable(calibrated: Calibrated) -> None:
    readable(brackets(audit()))
    readable(calibration_drawings(calibrated))


def test_curves_of_as_many_methods_as_a_recovery_has_are_readable() -> None:
    points = [
        CurvePoint(method=f"method {i}", x=float(x), y=0.1 * x + 0.1 * i, mcse=0.01)
        for i in range(5)
        for x in range(4)
    ]
    axes = CurveAxes(x="effect", y="power", level=0.8, diagonal=True)
    readable([method_curves(points, axes, title="Power", name="power", alt="Curves.")])
