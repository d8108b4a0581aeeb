"""Placebo pilots: who is drawn, what is fitted, and intervals that are too narrow are seen."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from sofs_bayes.bayes.blocks import Setting
from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.bayes.open_counts import open_cell_data
from sofs_bayes.checks.placebo import (
    LEVELS,
    Lottery,
    PlaceboRow,
    coverage_of,
    lottery,
    one_set,
    p_value_of,
    placebo_from,
    probabilities_of,
    row_of,
)
from sofs_bayes.errors import BadInput
from sofs_bayes.matching.authorities import choose_comparators, did_cells
from sofs_bayes.pipeline.did_fits import Programs
from sofs_bayes.records.panel import Panel
from sofs_bayes.spec import AuthorityNote, OpenAnalysis

SETS = 400
CANDIDATES = 120
SD = 0.1


@pytest.fixture(scope="module")
def drawn_from(made_up_analysis: OpenAnalysis, made_up_panel: Panel) -> Lottery:
    """The made-up counts; they have too few comparators for `lottery` itself."""
    design = made_up_analysis.design
    return Lottery(
        analysis=made_up_analysis,
        setting=Setting(effect_prior=made_up_analysis.effect_priors["reference"]),
        panel=made_up_panel,
        pilots=design.pilots,
        candidates=choose_comparators(made_up_panel, design).eligible,
    )


def rows_with(estimates: "np.ndarray[tuple[int], np.dtype[np.float64]]", sd: float) -> list[
    PlaceboRow
]:  # fmt: skip
    """Normal posteriors about these estimates."""
    found = []
    for number, mean in enumerate(estimates, start=1):
        ends = {}
        for level in LEVELS:
            half, at = sd * float(norm.ppf((1 + level) / 2)), f"{100 * level:.0f}"
            ends |= {f"lower_{at}": float(mean) - half, f"upper_{at}": float(mean) + half}
        found.append(
            PlaceboRow(
                number=number,
                authorities="Esk; Fern",
                mean=float(mean),
                sd=sd,
                above_zero=float(norm.cdf(mean / sd)),
                risk=0.1 * float(mean),
                status="converged",
                **ends,
            )
        )
    return found


def estimates(spread: float = SD) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return spread * np.random.default_rng(20161031).standard_normal(SETS)


def test_a_set_is_compared_with_all_others_but_the_real_pilots(drawn_from: Lottery) -> None:
    names = drawn_from.drawn(seed=1)
    assert len(set(names)) == len(drawn_from.pilots) == 4
    assert set(names) <= set(drawn_from.candidates)
    assert names == drawn_from.drawn(seed=1) != drawn_from.drawn(seed=2)
    data = drawn_from.data(names)
    assert set(data.pilots) == set(names)
    assert set(data.authorities) == set(drawn_from.candidates)


def test_a_set_is_fitted_as_an_analysis_that_declares_it(
    drawn_from: Lottery, made_up_analysis: OpenAnalysis, made_up_panel: Panel
) -> None:
    names = drawn_from.drawn(seed=3)
    design = made_up_analysis.design
    real = [pilot.authority for pilot in design.pilots]
    notes = tuple(AuthorityNote(authority=name, why="A real pilot.") for name in real)
    declared = replace(
        design,
        pilots=tuple(
            replace(pilot, authority=name) for pilot, name in zip(design.pilots, names, strict=True)
        ),
        comparators=replace(design.comparators, exclude=(*design.comparators.exclude, *notes)),
    )
    choice = choose_comparators(made_up_panel, declared)
    cells = did_cells(made_up_panel, choice, declared, include_breaks=True)
    expected, data = open_cell_data(cells), drawn_from.data(names)
    assert data.cells.equals(expected.cells)
    np.testing.assert_array_equal(data.design, expected.design)


def test_the_pilots_themselves_are_fitted_as_ever(
    drawn_from: Lottery, made_up_counts: CellData
) -> None:
    data = drawn_from.data([pilot.authority for pilot in drawn_from.pilots])
    assert data.cells.equals(made_up_counts.cells)
    np.testing.assert_array_equal(data.design, made_up_counts.design)


def test_the_planted_effect_of_the_pilots_is_found(drawn_from: Lottery, programs: Programs) -> None:
    names = [pilot.authority for pilot in drawn_from.pilots]
    made = one_set(drawn_from, names, 20190331, dict(programs))
    row = row_of(0, made)
    assert row.status == "converged"
    assert row.lower_95 < row.lower_50 < row.mean < row.upper_50 < row.upper_95
    assert row.upper_90 - row.lower_90 == pytest.approx(2 * 1.645 * row.sd, rel=0.25)
    assert np.sign(row.mean) == np.sign(row.risk)


def test_a_right_model_is_in_and_one_that_is_too_sure_is_out() -> None:
    right = coverage_of(rows_with(estimates(), SD), CANDIDATES)
    assert [row.verdict for row in right] == ["in"] * len(LEVELS)
    sure = coverage_of(rows_with(estimates(), SD / 2), CANDIDATES)
    assert [row.verdict for row in sure] == ["out"] * len(LEVELS)
    vague = coverage_of(rows_with(estimates(), 3 * SD), CANDIDATES)
    assert vague[0].verdict == "out"
    assert right[2].width == pytest.approx(2 * 1.645 * SD, rel=1e-3)


def test_the_band_of_few_authorities_is_wider_whatever_the_number_of_sets() -> None:
    rows = rows_with(np.tile(estimates(), 50), SD)
    few, many = (coverage_of(rows, candidates)[0] for candidates in (20, 2000))
    assert few.upper - few.lower > 3 * (many.upper - many.lower)


def test_the_band_is_what_chance_and_an_estimated_sd_leave() -> None:
    """By the slope of coverage in the sd, taken as a difference."""
    rows, candidates, step = rows_with(estimates(), SD), 500, 1e-6
    for row in coverage_of(rows, candidates):
        z = norm.ppf((1 + row.level) / 2)
        slope = (2 * norm.cdf(z * (1 + step)) - 1 - row.level) / step
        variance = row.level * (1 - row.level) / len(rows) + slope**2 / (2 * (candidates - 1))
        assert row.level - row.lower == pytest.approx(norm.ppf(0.9995) * variance**0.5, rel=1e-4)


def test_the_spread_of_estimates_stands_beside_the_root_mean_square_of_sds(
    made_up_analysis: OpenAnalysis,
) -> None:
    means, sds = np.array([0.3, -0.2, 0.1, 0.4]), (9.0, 0.1, 0.5, 0.3)
    rows = [replace(row, sd=sd) for row, sd in zip(rows_with(means, SD), sds, strict=True)]
    found = placebo_from(
        made_up_analysis,
        rows,
        prior="reference",
        evidence="synthetic",
        early=None,
        candidates=20,
        seconds=1.0,
    )
    assert found.spread == pytest.approx(np.std(means[1:], ddof=1))
    assert found.sd == pytest.approx(np.sqrt(np.mean(np.square(sds[1:]))))


def test_right_probabilities_spread_evenly() -> None:
    for row in probabilities_of(rows_with(estimates(), SD)):
        assert abs(row.share - row.probability) < 4 * row.mcse
    sure = {row.probability: row.share for row in probabilities_of(rows_with(estimates(), SD / 3))}
    assert sure[0.05] > 0.2


def test_the_p_value_counts_the_pilots_themselves() -> None:
    rows = rows_with(np.array([-0.3, -0.1, 0.0, 0.2]), SD)
    [pilots] = rows_with(np.array([-0.2]), SD)
    assert p_value_of(rows, pilots) == pytest.approx((1 + 2) / 5)
    [far] = rows_with(np.array([1.0]), SD)
    assert p_value_of(rows, far) == pytest.approx(1 / 5)


def test_too_few_to_draw_from_are_refused(
    made_up_analysis: OpenAnalysis, made_up_panel: Panel, drawn_from: Lottery
) -> None:
    assert len(lottery(made_up_analysis, made_up_panel, drawn_from.setting).pilots) == 3
    design = replace(made_up_analysis.design, breaks_in_headline=True)
    with pytest.raises(BadInput) as refusal:
        lottery(replace(made_up_analysis, design=design), made_up_panel, drawn_from.setting)
    assert "at least twice as many as pilots" in str(refusal.value)
