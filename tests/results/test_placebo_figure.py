"""The figure of placebo pilots says in its title how far the real pilots are from them."""

from dataclasses import replace

import pytest

from sofs_bayes.checks.placebo import LEVELS, Placebo, PlaceboRow, placebo_from
from sofs_bayes.pages.placebo_page import MISSED, placebo_drawing
from sofs_bayes.spec import OpenAnalysis

MEANS = (-0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3)


def row(number: int, mean: float) -> PlaceboRow:
    ends = dict(zip(LEVELS, (0.07, 0.13, 0.16, 0.2), strict=True))
    return PlaceboRow(
        number=number,
        authorities="Ashmere; Brackwater",
        mean=mean,
        sd=0.1,
        above_zero=0.5,
        risk=0.0,
        status="converged",
        **{f"lower_{100 * level:.0f}": mean - half for level, half in ends.items()},
        **{f"upper_{100 * level:.0f}": mean + half for level, half in ends.items()},
    )


@pytest.fixture
def found(open_analysis: OpenAnalysis) -> Placebo:
    return placebo_from(
        open_analysis,
        [row(0, -0.2), *(row(i + 1, mean) for i, mean in enumerate(MEANS))],
        prior="reference",
        evidence="open-data",
        early=None,
        candidates=20,
        seconds=1.0,
    )


@pytest.mark.parametrize(("mean", "far"), [(-0.2, 4), (0.29, 2), (0.5, 0), (0.0, 7)])
def test_the_title_counts_the_sets_that_are_as_far_from_no_effect(
    found: Placebo, mean: float, far: int
) -> None:
    title = placebo_drawing(replace(found, pilots=row(0, mean))).canvas.title
    assert title.removeprefix(f"{MISSED}: ").startswith(f"{far} of 7 sets where nothing happened")


def test_the_real_pilots_have_both_intervals(found: Placebo) -> None:
    drawing = placebo_drawing(found)
    assert "(thick: 50%, thin: 90%)" in drawing.canvas.subtitle
    bars = [line for line in drawing.figure.axes[0].lines if len(line.get_xdata()) == 2]  # type: ignore[arg-type]
    thin, thick = sorted(bars, key=lambda line: line.get_linewidth())[-2:]
    assert list(thin.get_xdata()) == pytest.approx([0.6977, 0.9608], abs=1e-4)  # type: ignore[arg-type]
    assert list(thick.get_xdata()) == pytest.approx([0.7634, 0.8781], abs=1e-4)  # type: ignore[arg-type]
