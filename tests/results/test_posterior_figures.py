"""Threshold curves and yearly rates: what is drawn, said and refused, on rows made by hand."""

import math
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.lines import Line2D
from matplotlib.text import Text
from tests.rows import DENSITY, of_effect, of_fit

from sofs_bayes.errors import BadInput
from sofs_bayes.estimands import DensityRow
from sofs_bayes.estimands.rows import ThresholdRow, YearlyRateRow
from sofs_bayes.figures import Drawing, save, threshold_curve, yearly_rates
from sofs_bayes.pages.pictures import drawings
from sofs_bayes.runs.run_folder import Run, read_rows
from sofs_bayes.spec import Equivalence, Statement

NAN, INF = float("nan"), float("inf")
AFTER = "effect after settling-in"
STATEMENTS = (
    Statement(scale="risk", above=0.0),
    Statement(scale="risk", within=(-0.02, 0.02)),
    Statement(scale="odds ratio", above=1.1),
)
CENTRES = {"reference": -0.01, "sceptical": 0.0}
SVG = "{http://www.w3.org/2000/svg}"


def curve_rows(**changed: Any) -> list[ThresholdRow]:
    """Logistic curves around -1 and 0 percentage points, 0.5 points wide."""
    row = ThresholdRow(
        **of_effect(AFTER),
        target="pooled",
        scale="risk",
        prior="reference",
        **of_fit("main"),
        evidence="synthetic",
        threshold=0.0,
        above=0.5,
        mcse=0.001,
        status="converged",
    )
    return [
        replace(row, prior=prior, threshold=x, above=1 / (1 + math.exp((x - c) / 0.005)), **changed)
        for prior, c in CENTRES.items()
        for x in (round(0.002 * i, 3) for i in range(-50, 51))
    ]


def curves(rows: list[ThresholdRow], **changed: Any) -> Drawing:
    words: dict[str, Any] = {
        "statements": STATEMENTS,
        "title": "How probable?",
        "evidence": "synthetic",
        "status": "converged",
    }
    return threshold_curve(rows, **(words | changed))


def rate_row(year: int, period: str, **changed: Any) -> YearlyRateRow:
    post = period == "post"
    row = YearlyRateRow(
        year=year,
        period=period,
        **of_effect(AFTER),
        prior="reference",
        pilots=6,
        observed=0.10,
        comparators=0.15,
        fitted=0.11,
        fitted_lower=0.09,
        fitted_upper=0.13,
        counterfactual=0.14 if post else NAN,
        counterfactual_lower=0.08 if post else NAN,
        counterfactual_upper=0.20 if post else NAN,
        effect=-0.03 if post else NAN,
        effect_lower=-0.09 if post else NAN,
        effect_upper=0.03 if post else NAN,
        level=0.9,
        interval="eti",
    )
    return replace(row, **changed)


def yearly_rows() -> list[YearlyRateRow]:
    return [
        *(rate_row(year, "pre") for year in (2012, 2013)),
        rate_row(2015, "post", pilots=1),
        rate_row(2016, "post"),
    ]


def rates(rows: list[YearlyRateRow], **changed: Any) -> Drawing:
    words: dict[str, Any] = {
        "events": "Children with a conference",
        "denominator": "referrals",
        "title": "Figure 1 again",
        "evidence": "synthetic",
        "status": "converged",
    }
    return yearly_rates(rows, **(words | changed))


def texts(drawing: Drawing) -> str:
    found = [text.get_text() for text in drawing.figure.findobj(Text)]
    return " ".join(" ".join(found).split())


def long_lines(drawing: Drawing) -> list[Line2D]:
    return [line for axes in drawing.figure.axes for line in axes.lines if len(_x(line)) > 2]


def _x(line: Line2D) -> list[float]:
    return [float(x) for x in np.asarray(line.get_xdata())]


def _y(line: Line2D) -> list[float]:
    return [float(y) for y in np.asarray(line.get_ydata())]


# -------------------------------------------------------------------------- threshold curves


def test_a_line_for_each_prior_runs_through_its_probabilities() -> None:
    drawing = curves(curve_rows())
    lines = long_lines(drawing)
    assert len(lines) == 2
    for line, centre in zip(lines, CENTRES.values(), strict=True):
        x, y = _x(line), _y(line)
        assert np.interp(100 * centre, x, y) == pytest.approx(0.5)
        assert x[0] <= drawing.figure.axes[0].get_xlim()[0]
        assert x[-1] >= drawing.figure.axes[0].get_xlim()[1]


def test_the_probability_above_no_effect_is_written_beside_each_line() -> None:
    written = texts(curves(curve_rows()))
    expected = 1 / (1 + math.exp(2))
    assert f"reference: {expected:.0%} above 0" in written
    assert "sceptical: 50% above 0" in written


def test_a_wrong_sign_of_the_effect_is_another_picture() -> None:
    rows = curve_rows()
    turned = [replace(row, threshold=-row.threshold, above=1 - row.above) for row in rows]
    assert "reference: 88% above 0" in texts(curves(turned))
    assert "reference: 88% above 0" not in texts(curves(rows))
    assert curves(turned).alt != curves(rows).alt


def test_no_probability_is_said_to_be_certain() -> None:
    rows = [replace(row, above=1.0 if row.threshold < 0.05 else 0.0) for row in curve_rows()]
    drawing = curves(rows)
    assert "over 99% above 0" in texts(drawing)
    assert "100% above" not in drawing.alt


def test_bounds_of_statements_are_marked_and_told() -> None:
    drawing = curves(curve_rows())
    marked = {
        x for line in drawing.figure.axes[0].lines for x in set(_x(line)) if len(_x(line)) == 2
    }
    assert {-2.0, 0.0, 2.0} <= marked
    assert "dotted: −2 and +2 percentage points" in texts(drawing)
    assert "above −2" in drawing.alt


def test_a_declared_region_is_shaded_and_an_undeclared_one_not() -> None:
    region = Equivalence(scale="risk", within=(-0.01, 0.01), why="for the sake of a test")
    assert "declared beforehand" in texts(curves(curve_rows(), equivalence=region))
    assert "practically" not in texts(curves(curve_rows()))
    other = Equivalence(scale="odds ratio", within=(0.9, 1.1), why="for the sake of a test")
    assert "declared" not in texts(curves(curve_rows(), equivalence=other))


def test_readings_and_effects_have_panels_of_their_own() -> None:
    rows = [*curve_rows(**of_fit("one")), *curve_rows(**of_fit("other"))]
    assert len(curves(rows).figure.axes) == 2
    effects = [*curve_rows(), *curve_rows(**of_effect("effect against other comparators"))]
    drawing = curves(effects)
    assert len(drawing.figure.axes) == 2
    assert "effect against other comparators" in texts(drawing)
    assert "effect against other comparators: " in drawing.alt


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "no rows"),
        ([*curve_rows(), *curve_rows(target="new authority")], "the same in all rows"),
        ([*curve_rows(), *curve_rows(scale="log-odds")], "the same in all rows"),
        (curve_rows(scale="points"), "'points'"),
        ([*curve_rows(), curve_rows()[0]], "twice"),
        ([replace(curve_rows()[0], above=NAN)], "a finite number"),
        ([replace(curve_rows()[0], threshold=INF)], "a finite number"),
    ],
)
def test_rows_that_make_no_curve_are_refused(rows: list[ThresholdRow], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        curves(rows)


# ------------------------------------------------------------------------------ yearly rates


def test_fitted_counterfactual_and_observed_rates_are_drawn_by_year() -> None:
    drawing = rates(yearly_rows())
    by_name = {tuple(_y(line)): line for line in long_lines(drawing)}
    found = [np.round([v for v in y if not math.isnan(v)], 6).tolist() for y in by_name]
    assert [10.0] * 4 in found  # observed
    assert [11.0] * 4 in found  # fitted
    assert [14.0] * 2 in found  # without the effect, after settling-in alone
    assert [15.0] * 4 in found  # comparators
    for line in by_name.values():
        assert _x(line) == [2012, 2013, 2014, 2015, 2016]
        assert math.isnan(_y(line)[2])  # no row, no line


def test_bands_and_effect_are_told_in_words() -> None:
    drawing = rates(yearly_rows())
    assert "14.0 [8.0, 20.0] in 2016/17, observed 10.0" in drawing.alt
    assert "The difference in 2016/17 is −3.0 [−9.0, +3.0]." in drawing.alt
    assert "Effect prior: reference." in texts(drawing)
    assert "Pilots with counts: 6; 1 in 2015/16." in texts(drawing)
    assert "90% interval" in texts(drawing)


def test_rates_below_none_are_said_to_be_the_linear_models() -> None:
    below = rates([rate_row(2015, "post", counterfactual_lower=-0.02)])
    assert "does not bound them" in texts(below)
    assert below.figure.axes[0].get_ylim()[0] < 0.0
    assert "does not bound them" not in texts(rates(yearly_rows()))
    assert rates(yearly_rows()).figure.axes[0].get_ylim()[0] >= 0.0


def test_years_before_alone_have_no_counterfactual() -> None:
    drawing = rates([rate_row(2012, "pre"), rate_row(2013, "pre")])
    assert "expected without" not in texts(drawing) + drawing.alt
    assert "The difference" not in drawing.alt


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "no rows"),
        ([rate_row(2012, "pre"), rate_row(2012, "pre")], "twice"),
        ([rate_row(2012, "later")], "'later'"),
        ([rate_row(2012, "pre", fitted_upper=INF)], "an infinity"),
        ([rate_row(2012, "post", counterfactual=NAN)], "NaN in part"),
        ([rate_row(2012, "pre"), rate_row(2013, "pre", level=0.8)], "the same in all rows"),
        ([rate_row(2012, "pre"), rate_row(2013, "pre", prior="x")], "the same in all rows"),
        ([rate_row(2012, "pre"), rate_row(2013, "pre", **of_effect("x"))], "the same in all rows"),
    ],
)
def test_rows_that_make_no_rates_are_refused(rows: list[YearlyRateRow], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        rates(rows)


@pytest.mark.parametrize(
    "make", [lambda **k: curves(curve_rows(), **k), lambda **k: rates(yearly_rows(), **k)]
)
def test_a_refused_result_is_marked(make: Callable[..., Drawing]) -> None:
    drawing = make(status="not converged")
    assert "NOT CONVERGED" in texts(drawing)
    assert drawing.alt.startswith("Not converged")


def test_the_numbers_are_saved_beside_the_picture(tmp_path: Path) -> None:
    for drawing, kind in (
        (curves(curve_rows()), ThresholdRow),
        (rates(yearly_rows()), YearlyRateRow),
    ):
        save(drawing, tmp_path, ("png",))
        assert len(read_rows(tmp_path / f"{drawing.name}.csv", kind)) == len(drawing.data[1])


# --------------------------------------------------------------------------------------- SVG


def test_an_svg_is_the_same_every_time_and_says_what_it_shows(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    for folder in (first, second):
        save(curves(curve_rows()), folder, ("svg",))
    text = (first / "threshold-curve.svg").read_bytes()
    assert text == (second / "threshold-curve.svg").read_bytes()
    root = ET.fromstring(text)
    named = {
        each.get("id"): each.text for each in root if each.tag in (f"{SVG}title", f"{SVG}desc")
    }
    assert root.get("role") == "img"
    assert (root.get("aria-labelledby") or "").split() == list(named)
    assert list(named.values()) == ["Threshold curve", curves(curve_rows()).alt]
    assert b"<text" not in text  # outlines: it looks the same where the font is missing
    for hidden in (b"<dc:date>", b"Matplotlib", b"matplotlib.org"):
        assert hidden not in text


def test_signs_in_words_do_not_break_an_svg(tmp_path: Path) -> None:
    save(replace(curves(curve_rows()), alt="below 1% & <above>"), tmp_path, ("svg",))
    root = ET.parse(tmp_path / "threshold-curve.svg").getroot()
    assert root.find(f"{SVG}desc").text == "below 1% & <above>"  # type: ignore[union-attr]


def test_svg_is_not_among_the_defaults(tmp_path: Path) -> None:
    saved = save(curves(curve_rows()), tmp_path)
    assert [path.suffix for path in saved] == [".png", ".pdf", ".csv"]


def test_other_formats_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="png, pdf, svg"):
        save(curves(curve_rows()), tmp_path, ("gif",))


# ----------------------------------------------------------------------------- which figures


def density_rows() -> tuple[DensityRow, ...]:
    return tuple(
        DensityRow(
            **DENSITY,
            **of_fit("main"),
            prior=prior,
            scale="risk",
            value=0.01 * x,
            prior_density=10.0 - abs(x),
            posterior_density=15.0 - 2 * abs(x),
        )
        for prior in CENTRES
        for x in range(-6, 7)
    )


def with_rows(run: Run, thresholds: list[ThresholdRow]) -> Run:
    rows = {
        ThresholdRow: tuple(thresholds),
        YearlyRateRow: tuple(yearly_rows()),
        DensityRow: density_rows(),
    }
    return replace(run, beside={**run.beside, **rows})


def names(run: Run) -> list[str]:
    return [drawing.name for drawing in drawings(run)]


def test_a_hierarchical_run_has_rates_curves_and_densities(hierarchical_run: Run) -> None:
    rows = [
        *curve_rows(),
        *curve_rows(target="new authority"),
        *curve_rows(**of_effect("effect in year +1")),
        *curve_rows(scale="log-odds"),
    ]
    found = {each.name: each for each in drawings(with_rows(hierarchical_run, rows))}
    wanted = {
        "yearly-rates",
        "threshold-curve",
        "threshold-curve-new-authority",
        "prior-posterior",
    }
    assert wanted <= set(found)
    assert not wanted & set(names(hierarchical_run))  # a run folder written before there were rows
    assert "Figure 1 again" in texts(found["yearly-rates"])
    assert len(found["threshold-curve"].data[1]) == len(curve_rows())
    for name in wanted:
        assert found[name].alt.endswith("The children are simulated.")


def test_open_and_printed_runs_have_curves(open_run: Run, printed_run: Run) -> None:
    for run in (open_run, printed_run):
        assert "threshold-curve" in names(with_rows(run, curve_rows()))
        assert "threshold-curve" not in names(run)


def test_each_counterfactual_has_a_figure_that_says_which(hierarchical_run: Run) -> None:
    run = with_rows(hierarchical_run, curve_rows())
    kinds = ("effect against other comparators", "effect against comparators like pilots")
    rows = tuple(replace(row, **of_effect(kind)) for kind in kinds for row in yearly_rows())
    run = replace(run, beside={**run.beside, YearlyRateRow: rows})
    found = {each.name: each for each in drawings(run)}
    assert "(against other comparators)" in texts(found["yearly-rates"])
    assert "(against comparators like pilots)" in texts(found["yearly-rates-2"])
