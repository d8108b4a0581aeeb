"""A scenario → the unknowns on its cells, with a draw of their prior; and back to a file."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.spec import ChildrenAnalysis
from sofs_bayes.synthetic.cell_design import SCORES, Cells
from sofs_bayes.synthetic.priors import (
    SET,
    by_authority_year,
    grid,
    natural_units,
    outcome_covariances,
    set_covariates,
    solved_places,
    walks,
)
from sofs_bayes.synthetic.scenario import Scenario
from sofs_bayes.synthetic.unknowns import Unknowns

Floats = npt.NDArray[np.float64]

# Prior standard deviation of a score's log odds within its range, and of a coefficient that is
# not printed.
SCORE_SD = 1.0
UNPRINTED_SD = 0.05
SCORE_DECIMALS = 6


def lay_out(
    cells: Cells,
    analysis: ChildrenAnalysis,
    scenario: Scenario,
    *,
    unprinted: tuple[str, ...],
    rng: np.random.Generator,
) -> Unknowns:
    """The unknowns of a scenario on its cells, from a draw of their prior.

    Levels of authorities' probabilities, and all authorities' years, begin at their mean, all
    else at the draw.

    Parameters
    ----------
    unprinted
        Treatment terms of a printed column whose own coefficient is not printed.
    """
    from scipy.linalg import block_diag

    authority_years = grid(scenario, analysis)
    years = len(analysis.records.years)
    quarters = cells.frame[["authority", "quarter", "year"]].drop_duplicates()
    quarters = quarters.sort_values(["authority", "quarter"], ignore_index=True)
    solved = solved_places(scenario, analysis)
    common = scenario.authorities.common_sd
    steps = walks(solved, len(authority_years) // years, years, common)
    scores = len(SCORES) * len(scenario.pilots)
    deviations = np.concatenate([np.full(scores, SCORE_SD), np.full(len(unprinted), UNPRINTED_SD)])
    mean, shared, own = _probabilities(scenario, quarters)
    covariance = block_diag(steps @ steps.T, np.diag(deviations**2), shared + own)
    start = [
        steps @ rng.standard_normal(steps.shape[1]),
        SCORE_SD * rng.standard_normal(scores),
        np.zeros(len(unprinted)),
        mean + np.linalg.cholesky(own) @ rng.standard_normal(len(mean)),
    ]
    given = scenario.authorities
    return Unknowns(
        start=np.concatenate(start),
        covariance=covariance,
        precision=np.linalg.inv(covariance),
        set_covariates=set_covariates(cells.frame, analysis, scenario),
        solved=solved,
        authority_years=authority_years,
        pilots=scenario.pilots,
        quarters=quarters,
        to_authority_year=_belongs(cells.frame, authority_years),
        to_pilot=_belongs(cells.frame, pd.DataFrame({"authority": list(scenario.pilots)})),
        to_quarter=_belongs(cells.frame, quarters),
        ranges={
            name: (bounds.lowest, bounds.highest)
            for name, bounds in zip(SCORES, (given.quality, given.embeddedness), strict=True)
        },
        unprinted=unprinted,
    )


def authorities_frame(
    unknowns: Unknowns, vector: Floats, scenario: Scenario, analysis: ChildrenAnalysis
) -> pd.DataFrame:
    """The file of authorities at a vector, in natural units."""
    frame, given = unknowns.authority_years.copy(), scenario.authorities
    found = {
        prior.name: natural_units(values, prior)
        for values, (_, prior) in zip(unknowns.theta(vector), unknowns.solved, strict=True)
    }
    for name in SET:
        found[name] = by_authority_year(frame, analysis, getattr(given, name))
    for name, scores in unknowns.scores(vector).items():
        by_pilot = dict(zip(unknowns.pilots, scores.round(SCORE_DECIMALS).tolist(), strict=True))
        found[name] = frame["authority"].map(by_pilot).fillna(0.0).to_numpy(np.float64)
    similar = frame["authority"].isin(given.similar_practice_model)
    found["similar_practice_model"] = np.where(similar, 1.0, 0.0)
    for each in analysis.records.authority_covariates:
        frame[each.name] = found[each.name]
    return frame


def _belongs(frame: pd.DataFrame, blocks: pd.DataFrame) -> Floats:
    """1 where a row of the frame has the keys of a row of `blocks`; (rows, blocks)."""
    keys = list(blocks.columns)
    numbered = frame[keys].merge(blocks.assign(block=blocks.index), on=keys, how="left")["block"]
    same = numbered.to_numpy(np.float64)[:, None] == blocks.index.to_numpy(np.float64)
    return np.asarray(same, dtype=np.float64)


def _probabilities(scenario: Scenario, quarters: pd.DataFrame) -> tuple[Floats, Floats, Floats]:
    """Mean of probabilities, covariance of levels and years, and of shocks and quarters."""
    prior = scenario.outcomes
    pilot = quarters["authority"].isin(scenario.pilots).to_numpy()
    mean = np.where(pilot, prior.pilots, prior.comparators)
    shared, own = outcome_covariances(prior, quarters)
    own += prior.quarter_sd**2 * np.eye(len(mean))
    return mean, shared * np.outer(mean, mean), own * np.outer(mean, mean)
