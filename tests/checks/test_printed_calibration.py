"""Simulation-based calibration accepts the grid and rejects planted faults."""

from dataclasses import replace

import numpy as np
import pytest

from sofs_bayes import spec
from sofs_bayes.bayes.from_published import (
    PrintedPosterior,
    PrintedRows,
    posterior,
    printed_rows,
    without_stars,
)
from sofs_bayes.bayes.printed_model import printed_model
from sofs_bayes.checks import calibration
from sofs_bayes.checks.calibration import Around, Fitted, Problem, replicate
from sofs_bayes.checks.panels import print_cell
from sofs_bayes.checks.printed_calibration import (
    KINDS,
    Fit,
    draw_truths,
    printed_problem,
    printed_study,
)
from sofs_bayes.checks.ranks import (
    DRAWS,
    RankVerdict,
    rank_verdict,
    ranked_of,
    thinned_rank,
    uniformity,
)
from sofs_bayes.published.facts import read_printed
from sofs_bayes.spec.seeds import stage_seed

REPLICATES = 400  # enough for most planted faults
MANY = 1000  # for an effect prior half as wide again, which the data partly make up for


def load(name: str = "icpc-printed") -> spec.PrintedAnalysis:
    analysis = spec.load(name)
    assert isinstance(analysis, spec.PrintedAnalysis)
    return analysis


def found_of(problem: Problem[PrintedRows], replicates: int = REPLICATES) -> RankVerdict:
    made = [
        ranked_of(number, replicate(problem, stage_seed(17, f"replicate {number}")))
        for number in range(replicates)
    ]
    kinds = {name: KINDS[name] for name in made[0].ranks}
    return rank_verdict(made, kinds, seed=17)


def verdict(
    name: str = "icpc-printed",
    *,
    reading: int = 0,
    prior: str = "sceptical",
    around: Around = "prior",
    replicates: int = REPLICATES,
    fit: Fit | None = None,
) -> RankVerdict:
    analysis = load(name)
    chosen = analysis.readings[reading]
    problem = printed_problem(analysis, prior=prior, reading=chosen, around=around, fit=fit)
    return found_of(problem, replicates)


@pytest.mark.parametrize("around", ["prior", "data"])
@pytest.mark.parametrize(
    ("name", "reading", "prior"),
    [
        pytest.param("icpc-printed", 0, "reference", marks=pytest.mark.long),
        ("icpc-printed", 0, "sceptical"),
        pytest.param("icpc-printed-without-pilot-4", 0, "reference", marks=pytest.mark.long),
        ("cla-printed", 0, "reference"),
        pytest.param("cla-printed", 1, "sceptical", marks=pytest.mark.long),
    ],
)
def test_ranks_are_uniform(name: str, reading: int, prior: str, around: Around) -> None:
    found = verdict(name, reading=reading, prior=prior, around=around)
    assert [(test.quantity, test.kind) for test in found.tests] == [
        ("effect", "effect"),
        ("authority sd", "spread"),
        ("log likelihood", "likelihood"),
        ("pilot difference", "parameter"),
        ("correlation", "parameter"),
    ]
    assert not found.refused
    assert found.uniform, [
        (t.quantity, t.chi_squared_p, t.ks_p, t.dispersion_p) for t in found.tests
    ]


# ------------------------------------------------------------------- faults around the prior


def with_prior_sd(sd: float, rows: PrintedRows) -> PrintedPosterior:
    analysis = load()
    effect = replace(analysis.effect_priors["sceptical"], sd=sd)
    return posterior(
        replace(analysis, effect_priors={"sceptical": effect}), prior="sceptical", rows=rows
    )


def wide_prior(rows: PrintedRows) -> PrintedPosterior:
    return with_prior_sd(0.02 * 1.5, rows)


def narrow_prior(rows: PrintedRows) -> PrintedPosterior:
    return with_prior_sd(0.02 / 1.5, rows)


def mirrored(rows: PrintedRows) -> PrintedRows:
    sign = "" if rows.did.text.startswith("-") else "-"
    return PrintedRows(pilot=rows.pilot, did=read_printed(sign + rows.did.text.lstrip("-")))


def wrong_sign(rows: PrintedRows) -> PrintedPosterior:
    return posterior(load(), prior="sceptical", rows=mirrored(rows))


def wide_authorities(rows: PrintedRows) -> PrintedPosterior:
    analysis = load()
    sd = replace(analysis.priors.authority_sd, scale=0.12)
    changed = replace(analysis, priors=replace(analysis.priors, authority_sd=sd))
    return posterior(changed, prior="sceptical", rows=rows)


def children_only(rows: PrintedRows) -> PrintedPosterior:
    analysis = load()
    child = replace(analysis.readings[0], se_reading="child")
    return posterior(analysis, prior="sceptical", reading=child, rows=rows)


# (fit, replicates, the quantity that must be out)
FAULTS = [
    pytest.param(wide_prior, MANY, "effect", marks=pytest.mark.long),
    (narrow_prior, REPLICATES, "effect"),
    pytest.param(wrong_sign, REPLICATES, "effect", marks=pytest.mark.long),
    (wide_authorities, REPLICATES, "authority sd"),
    (children_only, REPLICATES, "effect"),
]


@pytest.mark.parametrize(("fit", "replicates", "quantity"), FAULTS)
def test_planted_faults_are_found(fit: Fit, replicates: int, quantity: str) -> None:
    assert quantity in out(verdict(fit=fit, replicates=replicates))


def out(found: RankVerdict) -> set[str]:
    assert found.uniform == all(test.verdict == "in" for test in found.tests)
    return {test.quantity for test in found.tests if test.verdict == "out"}


def test_a_grid_that_forgets_the_stars_is_seen_by_the_log_likelihood() -> None:
    """No ranks of parameters see it: without the stars a posterior is right, only wider."""
    analysis = load()
    forgetful = without_stars(analysis.readings[0])

    def fit(rows: PrintedRows) -> PrintedPosterior:
        return posterior(analysis, prior="sceptical", reading=forgetful, rows=rows)

    assert out(verdict(fit=fit, replicates=MANY)) == {"log likelihood"}


def test_a_grid_that_reads_every_coefficient_as_starless_is_found() -> None:
    def fit(rows: PrintedRows) -> PrintedPosterior:
        pilot, did = (read_printed(cell.text.rstrip("*")) for cell in (rows.pilot, rows.did))
        return posterior(load(), prior="sceptical", rows=PrintedRows(pilot=pilot, did=did))

    assert "authority sd" in out(verdict(fit=fit))


def test_ranks_on_a_wrong_scale_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def five_sixths(draws: np.ndarray, truth: float) -> int:
        return thinned_rank(draws, truth) * 5 // 6

    monkeypatch.setattr(calibration, "thinned_rank", five_sixths)
    assert out(verdict()) == set(KINDS)


# -------------------------------------------------------------------- faults around the data


def real_alone(rows: PrintedRows) -> PrintedPosterior:
    return posterior(load(), prior="sceptical")


def simulated_alone(rows: PrintedRows) -> PrintedPosterior:
    return posterior(load(), prior="sceptical", rows=rows)


def real_twice(rows: PrintedRows) -> PrintedPosterior:
    real = printed_rows(load(), load().readings[0])
    return posterior(load(), prior="sceptical", further=(real, rows))


def second_mirrored(rows: PrintedRows) -> PrintedPosterior:
    return posterior(load(), prior="sceptical", further=(mirrored(rows),))


AROUND = [
    real_alone,
    pytest.param(simulated_alone, marks=pytest.mark.long),
    pytest.param(real_twice, marks=pytest.mark.long),
    second_mirrored,
]


@pytest.mark.parametrize("fit", AROUND)
def test_faults_planted_around_the_data_are_found(fit: Fit) -> None:
    assert out(verdict(around="data", fit=fit))


# ------------------------------------------------------------------------------- the pieces


def test_uniform_ranks_pass_and_crowded_ones_do_not() -> None:
    even = (np.arange(400) + 0.5) / 400
    assert uniformity(even).ks_p > 0.99
    assert uniformity(even).chi_squared == pytest.approx(0.0)
    assert uniformity(even).dispersion == pytest.approx(1.0, abs=0.02)
    crowded = uniformity(0.5 + (even - 0.5) / 2)
    assert crowded.chi_squared_p < 1e-6
    assert crowded.ks_p < 1e-6
    assert crowded.dispersion < 0.5
    assert crowded.dispersion_p < 1e-6


@pytest.mark.parametrize("around", ["prior", "data"])
def test_a_reading_of_children_only_ranks_no_authorities(around: Around) -> None:
    analysis = load()
    child = replace(analysis.readings[0], se_reading="child")
    problem = printed_problem(analysis, prior="sceptical", reading=child, around=around)
    found = found_of(problem)
    assert [test.quantity for test in found.tests] == [
        "effect",
        "log likelihood",
        "pilot difference",
    ]
    assert found.uniform


def test_a_replicate_is_as_json_holds_it_and_repeats_with_its_seed() -> None:
    problem = printed_problem(load(), prior="reference")
    one, again, other = (replicate(problem, seed) for seed in (3, 3, 4))
    assert one["ranks"] == again["ranks"] != other["ranks"]
    assert set(one["ranks"]) == set(KINDS)
    assert all(0 <= rank <= DRAWS for rank in one["ranks"].values())
    assert (one["status"], one["failures"], one["attempts"]) == ("converged", [], 1)


def test_a_grid_cut_too_early_is_refused_and_ranked_all_the_same() -> None:
    cut = replace(posterior(load(), prior="reference"), edge_mass=0.01)
    problem = printed_problem(load(), prior="reference", fit=lambda _: cut)
    found = replicate(problem, 3)
    assert found["status"] == "not converged"
    assert "where the grid was cut" in found["failures"][0]
    assert set(found["ranks"]) == set(KINDS)


def test_draws_of_a_fit_are_as_many_as_a_rank_is_taken_among() -> None:
    problem = printed_problem(load(), prior="reference")
    fitted = problem.fit(problem.generate(1)[1], 0, 1)
    assert isinstance(fitted, Fitted)
    assert {values.shape for values in fitted.draws.values()} == {(1, DRAWS)}


def test_simulated_studies_are_printed_like_the_real_one_with_the_models_variances() -> None:
    analysis = load()
    model, rng = printed_model(analysis, analysis.readings[0]), np.random.default_rng(5)
    like = printed_rows(analysis, analysis.readings[0])
    truth = draw_truths(analysis, model, "reference", 1, rng)
    truth = replace(truth, s=np.array([0.05]), c=np.array([0.4]))
    made = [printed_study(model, truth, like, rng) for _ in range(4000)]
    assert {one.pilot.decimals for one in made} == {like.pilot.decimals}
    pairs = np.array([[one.pilot.value, one.did.value] for one in made], dtype=float)
    v_beta = model.spread * 0.05**2 + model.child_variance / model.years_pre
    assert np.var(pairs[:, 0]) == pytest.approx(v_beta, rel=0.1)
    assert np.corrcoef(pairs.T)[0, 1] < -0.4
    np.testing.assert_allclose(
        pairs.mean(axis=0), [truth.beta[0], truth.delta[0]], atol=4 * np.sqrt(v_beta / 4000)
    )


def test_coefficients_are_printed_like_the_real_ones() -> None:
    assert print_cell(-0.03456, 2, read_printed("0.0407")).text == "-0.0346**"
