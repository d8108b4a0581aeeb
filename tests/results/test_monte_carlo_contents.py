"""How exactly draws tell an effect: stored for the main fit, in proportion for the others."""

import math
from dataclasses import replace

import pytest

from sofs_bayes.estimands import EffectRow
from sofs_bayes.estimands.rows import MonteCarloRow
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.tables import contents
from sofs_bayes.tables.contents.monte_carlo import errors_of, known, monte_carlo
from sofs_bayes.tables.formats import DIGITS_NOTE, lines_of, notes_of


def pooled(run: Run, prior: int = 0) -> EffectRow:
    names = list(run.analysis.effect_priors)
    return next(
        row
        for row in run.effects
        if (row.target, row.scale, str(row.variant)) == ("pooled", "risk", "main")
        and str(row.estimand) == "effect after settling-in"
        and row.prior == names[prior]
    )


def test_the_main_fit_has_its_own_errors(hierarchical_run: Run) -> None:
    row = pooled(hierarchical_run)
    assert errors_of(hierarchical_run, [row]) == {
        "median": (0.0003,),
        "lower": (0.0006,),
        "upper": (0.0007,),
    }


def test_other_fits_have_them_in_proportion_to_their_sd(hierarchical_run: Run) -> None:
    row = pooled(hierarchical_run)
    other = replace(row, prior="another", sd=row.sd / 2)
    found = monte_carlo(hierarchical_run, other)
    assert found is not None
    assert found.mcse_upper == pytest.approx(0.00035)
    assert found.mcse_median == pytest.approx(0.00015)


def test_effects_without_a_stored_error_have_none(hierarchical_run: Run, open_run: Run) -> None:
    row = replace(pooled(hierarchical_run), target="Nowhere")
    assert monte_carlo(hierarchical_run, row) is None
    assert monte_carlo(open_run, open_run.effects[0]) is None
    errors = errors_of(open_run, open_run.effects[:2])
    assert math.isnan(errors["median"][1])
    assert known(errors) == {}


def test_a_tenfold_error_costs_a_digit(hierarchical_run: Run) -> None:
    rows = hierarchical_run.rows(MonteCarloRow)
    wide = tuple(replace(row, mcse_lower=0.006) for row in rows)
    coarse = replace(hierarchical_run, beside={**hierarchical_run.beside, MonteCarloRow: wide})
    fine = contents.sensitivity_table(hierarchical_run)
    rough = contents.sensitivity_table(coarse)
    assert "." in lines_of(fine)[0].cells[1]
    assert "." not in lines_of(rough)[0].cells[1]
    assert DIGITS_NOTE in notes_of(fine)
