"""Every form of print is calibrated: ranks of truths are uniform, and a misread form is refused."""

from dataclasses import replace

import numpy as np
import pytest
from tests.oracle import oracle
from tests.printed_forms import BOTH, ERROR, FORMS, KNOWN, T8, analysis

from sofs_bayes import spec
from sofs_bayes.bayes.from_published import PrintedPosterior, PrintedRows, posterior
from sofs_bayes.bayes.printed_summaries import authority_sd, correlation
from sofs_bayes.checks.calibration import replicate
from sofs_bayes.checks.printed_calibration import KINDS, Fit, printed_problem
from sofs_bayes.checks.ranks import RankVerdict, rank_verdict, ranked_of
from sofs_bayes.spec.seeds import stage_seed

REPLICATES = 60  # with 400 to 1,500 of each form none was out
MANY = 400  # enough for the faults below
PROBABILITY = 0.03  # 2,000 effective draws leave an error of 0.011
# of s and c: that the rows' clustered errors are independent moves their low quantiles, by 0.04
# with nine comparators, and the effect's hardly
NUISANCE = 0.06
LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])


def verdict(
    found: spec.PrintedAnalysis, *, replicates: int = REPLICATES, fit: Fit | None = None
) -> RankVerdict:
    problem = printed_problem(found, prior="reference", fit=fit)
    made = [
        ranked_of(number, replicate(problem, stage_seed(17, f"replicate {number}")))
        for number in range(replicates)
    ]
    return rank_verdict(made, {name: KINDS[name] for name in made[0].ranks}, seed=17)


@pytest.mark.parametrize("form", FORMS)
def test_ranks_are_uniform(form: str) -> None:
    found = verdict(FORMS[form])
    assert found.uniform
    assert not found.refused


def as_of(other: spec.PrintedAnalysis) -> Fit:
    """The posterior of a simulated study, read as another analysis reads its own print."""

    def fit(rows: PrintedRows) -> PrintedPosterior:
        return posterior(other, prior="reference", rows=rows)

    return fit


@pytest.mark.parametrize(
    ("world", "read_as"),
    [
        ("one-sided stars of one row", analysis(BOTH, key=T8)),
        ("one pilot", analysis(BOTH, design={"pilots": 1}, reading="comparators")),
        ("standard errors", analysis(ERROR, design={"pilots": 2, "comparators": 2})),
        ("known correlation", analysis(KNOWN, known=0.8)),
    ],
)
def test_a_form_that_is_misread_is_out(world: str, read_as: spec.PrintedAnalysis) -> None:
    assert not verdict(FORMS[world], replicates=MANY, fit=as_of(read_as)).uniform


@pytest.mark.parametrize("form", ["coarse standard errors", "one pilot, comparators"])
def test_the_grid_agrees_with_simulated_panels(form: str) -> None:
    """Clustered errors of panels, without any formula of their distribution."""
    found = FORMS[form]
    simulated = oracle(found, prior="reference", panels=150_000, rng=np.random.default_rng(21))
    grid = posterior(found, prior="reference")
    assert simulated.effective_size > 2000
    for values, known, tolerance in (
        (simulated.delta, grid.effect, PROBABILITY),
        (simulated.s, authority_sd(grid), NUISANCE),
        (simulated.c, correlation(grid), NUISANCE),
    ):
        shares = [simulated.probability(values < x) for x in known.quantile(LEVELS)]
        np.testing.assert_allclose(shares, LEVELS, atol=tolerance)


def test_studies_of_the_same_truth_add_up_in_every_form() -> None:
    """Around the data each fit is to the real print and the simulated one together."""
    for form in ("effect alone, standard error", "standard errors"):
        one = posterior(FORMS[form], prior="reference")
        both = posterior(FORMS[form], prior="reference", further=(one.rows,))
        assert both.effect.sd() < one.effect.sd()
        assert replace(both, further=()).studies == (one.rows,)
