"""Probabilities by threshold agree with quantiles, statements and each other, on a fixed grid."""

import math
from dataclasses import replace
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from tests.rows import of_effect

from sofs_bayes.bayes.from_published import PrintedPosterior, posterior
from sofs_bayes.bayes.printed_summaries import probability
from sofs_bayes.estimands.effects import Effects, probability_rows
from sofs_bayes.estimands.printed import effect_on
from sofs_bayes.estimands.rows import Label, ThresholdRow
from sofs_bayes.estimands.thresholds import drawn_threshold_rows, exact_threshold_rows, grid
from sofs_bayes.spec import HierarchicalAnalysis, PrintedAnalysis, Statement, load
from sofs_bayes.spec.keys import HEADLINE, NEW, POOLED, Estimand

Floats = npt.NDArray[np.float64]

EFFECT = "effect after settling-in"
# A distribution function tabulated at 201 points, read off between them.
TABULATED = 2e-3
# The same sum in another order.
SAME = 1e-12


def label(prior: str) -> Label:
    return Label(prior=prior, variant=HEADLINE, evidence="synthetic", status="converged")


@cache
def linear() -> HierarchicalAnalysis:
    analysis = load("icpc-linear")
    assert isinstance(analysis, HierarchicalAnalysis)
    return analysis


def normal_draws(mean: float, sd: float, *, seed: int = 7) -> xr.DataArray:
    drawn = np.random.default_rng(seed).normal(mean, sd, (4, 500))
    return xr.DataArray(drawn, dims=("chain", "draw"))


def drawn_rows(sign: float = 1.0) -> dict[tuple[str, str], list[ThresholdRow]]:
    """The rows of two priors, by prior and target; beside what is asked stands what is not."""
    fits = []
    for prior, mean in (("reference", -0.02), ("sceptical", -0.005)):
        pooled = sign * normal_draws(mean, 0.03)
        answers = {
            Estimand(role=EFFECT, target=POOLED, scale="risk"): pooled,
            Estimand(role=EFFECT, target=NEW, scale="risk"): 2 * pooled,
            Estimand(role=EFFECT, target="Pilot 1", scale="risk"): pooled,
            Estimand(role=EFFECT, target=POOLED, scale="children per 1,000"): 1000 * pooled,
            Estimand(role="spread between pilots", target=POOLED, scale="risk"): abs(pooled),
        }
        fits.append((label(prior), Effects.of(answers)))
    rows = drawn_threshold_rows(fits, linear(), model_scale="risk")
    found: dict[tuple[str, str], list[ThresholdRow]] = {}
    for row in rows:
        assert (row.role, row.scale) == (EFFECT, "risk")
        found.setdefault((row.prior, row.target), []).append(row)
    return found


def curve(rows: list[ThresholdRow]) -> tuple[Floats, Floats]:
    return np.array([row.threshold for row in rows]), np.array([row.above for row in rows])


@given(
    low=st.floats(-1e3, 1e3),
    width=st.floats(1e-6, 1e3),
    marks=st.lists(st.floats(-1e3, 1e3), max_size=3),
)
def test_a_grid_is_round_fine_and_reaches_all(low: float, width: float, marks: list[float]) -> None:
    high = low + width
    if not low < high:
        return
    points = grid([low, high], marks=marks)
    slack = 1e-9 * (max([high, *marks]) - min([low, *marks]))
    assert (np.diff(points) > 0).all()
    assert points[0] <= min([low, *marks]) + slack
    assert points[-1] >= max([high, *marks]) - slack
    assert set(marks) <= set(points.tolist())
    assert 160 <= len(points) <= 402 + len(marks)


def test_a_grid_has_round_steps() -> None:
    points = grid([-0.121, 0.0834])
    steps = np.unique(np.diff(points).round(9))
    assert steps.tolist() == [0.001]
    assert points[0] == -0.121
    assert points[-1] == 0.084
    assert 0.0 in points
    assert 0.03 in points  # as written, not a sum of steps that misses it by rounding


@pytest.mark.parametrize("ends", [[0.1, 0.1], [0.0, math.nan], [-math.inf, 0.0]])
def test_a_grid_of_no_width_or_no_number_is_refused(ends: list[float]) -> None:
    with pytest.raises(ValueError, match="finite numbers that differ"):
        grid(ends)


def test_draws_above_a_threshold_are_counted_under_every_prior() -> None:
    found = drawn_rows()
    assert set(found) == {(p, t) for p in ("reference", "sceptical") for t in (POOLED, NEW)}
    draws = normal_draws(-0.02, 0.03).to_numpy()
    thresholds, above = curve(found["reference", POOLED])
    assert above.tolist() == [float((draws > x).mean()) for x in thresholds]
    for target in (POOLED, NEW):
        one, other = (curve(found[prior, target])[0] for prior in ("reference", "sceptical"))
        assert one.tolist() == other.tolist()


def test_curves_run_from_nearly_one_to_nearly_none_and_never_rise() -> None:
    for rows in drawn_rows().values():
        thresholds, above = curve(rows)
        assert above[0] > 0.999
        assert above[-1] < 0.001
        assert (np.diff(above) <= SAME).all()
        draws = normal_draws(-0.02, 0.03).to_numpy()
        assert not {draws.min(), draws.max()} & set(thresholds.tolist())


def test_the_half_and_the_tails_are_the_effects_quantiles() -> None:
    thresholds, above = curve(drawn_rows()["reference", POOLED])
    draws = normal_draws(-0.02, 0.03)
    step = 0.002
    for p in (0.05, 0.5, 0.95):
        crossed = thresholds[np.flatnonzero(above >= 1 - p)[-1]]
        assert float(draws.quantile(p)) == pytest.approx(crossed, abs=step)


def test_thresholds_say_what_the_statements_say_with_the_same_error() -> None:
    """The wrong sign of the effect is noticed: it says the opposite of the statements."""
    pooled = Estimand(role=EFFECT, target=POOLED, scale="risk")
    answers = Effects.of({pooled: normal_draws(-0.02, 0.03)})
    said = {
        row.statement: row
        for row in probability_rows(answers, linear().estimands, label("reference"))
    }
    right, wrong = (
        {row.threshold: row for row in drawn_rows(sign)["reference", POOLED]}
        for sign in (1.0, -1.0)
    )
    for bound in (0.0, 0.01, 0.02):
        statement = said[f"above {100 * bound:g} pp"]
        assert right[bound].above == statement.probability
        assert right[bound].mcse == pytest.approx(statement.mcse)
        assert wrong[bound].above != pytest.approx(statement.probability, abs=0.1)
    for bound in (-0.01, -0.02):
        statement = said[f"below {100 * bound:g} pp"]
        assert 1 - right[bound].above == pytest.approx(statement.probability)


def test_the_error_is_unknown_where_draws_agree() -> None:
    for row in drawn_rows()["reference", POOLED]:
        assert math.isnan(row.mcse) == (row.above in (0.0, 1.0))


def test_a_grid_covers_most_of_every_prior_and_every_claim() -> None:
    thresholds, _ = curve(drawn_rows()["reference", POOLED])
    widest = max(abs(p.mean) + 2 * p.sd for p in linear().effect_priors.values())
    assert thresholds[0] <= -widest
    assert thresholds[-1] >= widest
    assert {0.0, 0.01, -0.01, 0.02, -0.02} <= set(thresholds.tolist())


def test_a_grid_covers_a_prior_that_lies_off_zero() -> None:
    wide = replace(linear().effect_priors["reference"], mean=0.4, sd=0.05)
    analysis = replace(linear(), effect_priors={"reference": wide})
    answers = {Estimand(role=EFFECT, target=POOLED, scale="risk"): normal_draws(0.0, 0.03)}
    rows = drawn_threshold_rows(
        [(label("reference"), Effects.of(answers))], analysis, model_scale="risk"
    )
    assert rows[0].threshold > 0.0 - 0.4
    assert 0.5 <= rows[-1].threshold < 0.55


def test_effects_by_year_are_on_the_risk_scale_alone() -> None:
    draws = normal_draws(0.1, 0.2)
    answers = {
        Estimand(**of_effect(name), target=POOLED, scale=scale): draws
        for name in (EFFECT, "effect in year +1")
        for scale in ("risk", "log-odds", "odds ratio")
    }
    rows = drawn_threshold_rows(
        [(label("reference"), Effects.of(answers))], linear(), model_scale="log-odds"
    )
    assert {(str(row.estimand), row.scale) for row in rows} == {
        *((EFFECT, scale) for scale in ("risk", "log-odds", "odds ratio")),
        ("effect in year +1", "risk"),
    }


@cache
def printed(name: str, prior: str, reading: int) -> PrintedPosterior:
    analysis = load(name)
    assert isinstance(analysis, PrintedAnalysis)
    return posterior(analysis, prior=prior, reading=analysis.readings[reading])


@pytest.mark.parametrize("name", ["icpc-printed", "cla-printed"])
def test_a_posterior_from_print_is_exact_at_every_threshold(name: str) -> None:
    fits = [printed(name, prior, 0) for prior in ("reference", "sceptical")]
    rows = exact_threshold_rows([(fit, "converged") for fit in fits])
    scales = {row.scale for row in rows}
    assert scales == ({"risk"} if name == "icpc-printed" else {"risk", "log-odds", "odds ratio"})
    for fit in fits:
        for scale in scales:
            own = [row for row in rows if (row.prior, row.scale) == (fit.prior, scale)]
            thresholds, above = curve(own)
            assert above[0] > 0.999
            assert above[-1] < 0.001
            assert (np.diff(above) <= SAME).all()
            assert {row.mcse for row in own} == {0.0}
            for row in own[::40]:
                claim = Statement(scale=scale, above=row.threshold)  # type: ignore[arg-type]
                assert row.above == pytest.approx(probability(fit, claim), abs=SAME)
            quantiles = effect_on(fit, scale).quantile([0.05, 0.5, 0.95])  # type: ignore[arg-type]
            read = np.interp(quantiles, thresholds, above)
            assert read == pytest.approx([0.95, 0.5, 0.05], abs=2 * TABULATED)


def test_readings_have_grids_of_their_own() -> None:
    fits = [printed("cla-printed", "reference", reading) for reading in (0, 1)]
    rows = exact_threshold_rows([(fits[0], "converged"), (fits[1], "not converged")])
    assert [row.reading for row in rows] == sorted(
        (row.reading for row in rows), key=[fit.reading.name for fit in fits].index
    )
    assert {row.status for row in rows if row.reading == fits[1].reading.name} == {"not converged"}


def test_a_prior_that_says_the_opposite_is_noticed() -> None:
    fit = printed("icpc-printed", "reference", 0)
    flipped = replace(fit, effect=replace(fit.effect, means=-fit.effect.means))
    right, wrong = (exact_threshold_rows([(each, "converged")]) for each in (fit, flipped))
    at_zero = [next(row.above for row in rows if row.threshold == 0.0) for rows in (right, wrong)]
    assert at_zero[0] == pytest.approx(1 - at_zero[1])
    assert at_zero[0] != pytest.approx(at_zero[1], abs=0.05)
