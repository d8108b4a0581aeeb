"""Matched rows of a scenario → what the columns of Tables 5 and 6 ask of its unknowns."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.frequentist.printed_rows import printed_r_squared
from sofs_bayes.frequentist.term import since_name
from sofs_bayes.published.facts import Printed, fact, read_printed, stated
from sofs_bayes.spec import ChildrenAnalysis, Regression
from sofs_bayes.synthetic.cell_design import Cells, RowCells, cell_column, collapse_cells
from sofs_bayes.synthetic.cell_posterior import posterior_column
from sofs_bayes.synthetic.icpc_outcomes import Children, children_of
from sofs_bayes.synthetic.icpc_start import lay_out
from sofs_bayes.synthetic.joint_solve import Mean, Problem, printed_targets
from sofs_bayes.synthetic.outcomes import Sums
from sofs_bayes.synthetic.printed_sums import Referrals, mean_sums, referrals_of
from sofs_bayes.synthetic.priors import by_authority_year
from sofs_bayes.synthetic.scenario import Scenario

Floats = npt.NDArray[np.float64]

TABLE = 5
ARMS = ("ICPC rates - Pilot sites", "ICPC rates - Comparator sites")
# The last year since settling-in, which only pilot 4 has: a term without a printed row.
UNPRINTED = (since_name(3),)
# Probabilities that a search passes through may be none.
LOWEST, HIGHEST = 1e-3, 0.9
# Means of outcomes are met within this share of their printed rounding.
MEANS_WITHIN = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Matched rows by cell, and their referrals.

    Parameters
    ----------
    once
        Referrals by cell, those in several groups divided among them, shape (cells,).
    """

    cells: Cells
    rows: RowCells
    once: Floats
    referrals: Referrals
    children: Children


def ground_of(matched: pd.DataFrame, analysis: ChildrenAnalysis, scenario: Scenario) -> Ground:
    """The ground that matched rows give."""
    cells, rows = collapse_cells(matched, analysis)
    return Ground(
        cells=cells,
        rows=rows,
        once=rows.summed(1 / matched["multiplicity"].to_numpy(np.float64)),
        referrals=referrals_of(matched),
        children=children_of(matched, blocks_of(cells), analysis, scenario),
    )


def within_authorities(
    analysis: ChildrenAnalysis,
) -> tuple[tuple[ChildrenAnalysis, Regression], ...]:
    """The column with authorities' fixed effects, with and without authorities' covariates."""
    columns = analysis.regressions.columns
    fixed = next(each for each in columns if each.authorities == "fixed")
    bare = replace(analysis.regressions, authority_covariates=(), unscaled=())
    return (analysis, fixed), (replace(analysis, regressions=bare), fixed)


def blocks_of(cells: Cells) -> pd.DataFrame:
    """The authorities' quarters, in order: authority, quarter."""
    blocks = cells.frame[["authority", "quarter"]].drop_duplicates()
    return blocks.sort_values(["authority", "quarter"], ignore_index=True)


def problem_on(
    ground: Ground, scenario: Scenario, analysis: ChildrenAnalysis, *, rng: np.random.Generator
) -> Problem:
    """The printed columns on cells, from a draw of what is assumed."""
    cells = ground.cells
    similar = cells.frame["authority"].isin(scenario.authorities.similar_practice_model)
    ratings = pd.DataFrame(
        {
            "ofsted": by_authority_year(cells.frame, analysis, scenario.authorities.ofsted),
            "similar_practice_model": np.where(similar, 1.0, 0.0),
        }
    )
    targets = printed_targets(analysis)
    printed = {each.column for each in targets}
    columns = {
        regression.name: cell_column(cells, analysis, regression, ratings)
        for regression in analysis.regressions.columns
        if regression.name in printed
    }
    unknowns = lay_out(cells, analysis, scenario, unprinted=UNPRINTED, rng=rng)
    within = [
        cell_column(cells, each, regression, ratings)
        for each, regression in within_authorities(analysis)
    ]
    if (model := scenario.outcomes.model) is not None:
        linear = next(iter(columns.values()))
        within.append(posterior_column(cells, ground.rows, linear, unknowns, model))
    problem = Problem(
        cells=cells,
        columns=columns,
        within=tuple(within),
        targets=targets,
        unknowns=unknowns,
        children=ground.rows.outcome(np.zeros(len(ground.rows.cell))),
        means=_means(ground, scenario),
        r_squared=r_squared()[0],
    )
    return with_children(problem, ground, problem.unknowns.start)


def with_children(problem: Problem, ground: Ground, vector: Floats) -> Problem:
    """The problem with what children's covariates add where the probabilities are a vector's.

    Effects on the log odds are larger in probability where outcomes are frequent, and so not
    quite the same everywhere.
    """
    mean = np.clip(vector[problem.unknowns.outcome_from :], LOWEST, HIGHEST)
    beyond = ground.children.probabilities(mean) - mean[ground.children.block]
    return replace(problem, children=ground.rows.outcome(beyond[ground.referrals.place]))


def r_squared() -> tuple[float, float]:
    """The printed R² and half a unit of its last decimal."""
    printed = printed_r_squared(TABLE)
    assert printed is not None
    return printed.printed.value or 0.0, printed.printed.half_unit


def _incidence() -> Printed:
    return read_printed(stated("icpc.incidence").printed)


def _means(ground: Ground, scenario: Scenario) -> tuple[Mean, ...]:
    """Table 3's rates before settling-in and the incidence: by weight, by row, each once."""
    cells = ground.cells
    pilot = cells.frame["pilot"].to_numpy(np.float64)
    before = 1.0 - cells.frame["post"].to_numpy(np.float64)
    incidence = (_incidence().value or 0.0) / 100
    return (
        Mean(weight=cells.weight * before * pilot, value=scenario.outcomes.pilots),
        Mean(weight=cells.weight * before * (1 - pilot), value=scenario.outcomes.comparators),
        *(Mean(weight=each, value=incidence) for each in (cells.weight, cells.rows, ground.once)),
    )


def printed_means(matched: pd.DataFrame) -> Sums:
    """Table 3's rates before settling-in and the incidence: by weight, by row, each once."""
    weight = matched["weight"].to_numpy(np.float64)
    pilot = matched["pilot"].to_numpy(np.float64)
    before = 1.0 - matched["post"].to_numpy(np.float64)
    rates = [fact(3, "Outcome", arm).printed for arm in ARMS]
    printed = [*rates, *[_incidence()] * 3]
    by_row = np.column_stack(
        [
            weight * before * pilot,
            weight * before * (1 - pilot),
            weight,
            np.ones(len(matched)),
            1 / matched["multiplicity"].to_numpy(np.float64),
        ]
    )
    return mean_sums(
        referrals_of(matched).summed(by_row),
        np.array([(each.value or 0.0) / 100 for each in printed]),
        np.array([each.half_unit / 100 * MEANS_WITHIN for each in printed]),
    )
