"""A scenario → the unknowns on its cells, with a draw of their prior; and back to a file."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.spec import ChildrenAnalysis
from sofs_bayes.synthetic.cell_design import SCORES, Cells
from sofs_bayes.synthetic.scenario import AuthorityPrior, Scenario
from sofs_bayes.synthetic.unknowns import Unknowns

Floats = npt.NDArray[np.float64]
Solved = tuple[tuple[int, AuthorityPrior], ...]

SET = ("ofsted", "innovation_projects")
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

    years, names = analysis.records.years, analysis.regressions.authority_covariates
    authorities = (*scenario.pilots, *scenario.comparators)
    authority_years = pd.DataFrame(
        [(authority, year) for authority in authorities for year in years],
        columns=["authority", "year"],
    )
    quarters = cells.frame[["authority", "quarter", "year"]].drop_duplicates()
    quarters = quarters.sort_values(["authority", "quarter"], ignore_index=True)
    priors = {prior.name: prior for prior in scenario.authorities.solved}
    solved = tuple((i, priors[name]) for i, name in enumerate(names) if name in priors)
    walks = _walks(solved, len(authorities), len(years), scenario.authorities.common_sd)
    scores = len(SCORES) * len(scenario.pilots)
    deviations = np.concatenate([np.full(scores, SCORE_SD), np.full(len(unprinted), UNPRINTED_SD)])
    mean, shared, own = _probabilities(scenario, quarters)
    covariance = block_diag(walks @ walks.T, np.diag(deviations**2), shared + own)
    start = [
        walks @ rng.standard_normal(walks.shape[1]),
        SCORE_SD * rng.standard_normal(scores),
        np.zeros(len(unprinted)),
        mean + np.linalg.cholesky(own) @ rng.standard_normal(len(mean)),
    ]
    given = scenario.authorities
    return Unknowns(
        start=np.concatenate(start),
        covariance=covariance,
        precision=np.linalg.inv(covariance),
        set_covariates=_set_covariates(cells.frame, analysis, scenario),
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
    """The file of authorities at a vector, in natural units.

    A covariate that enters regressions at mean 0 and sd 1 may have any unit and origin: it is
    put at its prior's mean, with its prior's spread or what keeps it in its range.
    """
    frame, given = unknowns.authority_years.copy(), scenario.authorities
    found: dict[str, Floats] = {}
    for values, (_, prior) in zip(unknowns.theta(vector), unknowns.solved, strict=True):
        centred = values - values.mean()
        spread = min(
            prior.between_sd,
            (prior.highest - prior.mean) / centred.max(),
            (prior.mean - prior.lowest) / -centred.min(),
        )
        found[prior.name] = (prior.mean + spread * centred).round(prior.decimals)
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


def by_authority_year(
    frame: pd.DataFrame, analysis: ChildrenAnalysis, values: dict[str, tuple[int, ...]]
) -> Floats:
    """Values that a scenario gives by authority and year, by row of a frame."""
    first = analysis.records.years.index
    return np.array(
        [
            float(values[authority][first(year)])
            for authority, year in zip(frame["authority"], frame["year"], strict=True)
        ]
    )


def _set_covariates(frame: pd.DataFrame, analysis: ChildrenAnalysis, scenario: Scenario) -> Floats:
    """The authority covariates that the scenario sets, 0 for the others, by row of a frame."""
    names = analysis.regressions.authority_covariates
    values = np.zeros((len(frame), len(names)))
    for name in set(SET) & set(names):
        given = getattr(scenario.authorities, name)
        values[:, names.index(name)] = by_authority_year(frame, analysis, given)
    return values


def _belongs(frame: pd.DataFrame, blocks: pd.DataFrame) -> Floats:
    """1 where a row of the frame has the keys of a row of `blocks`; (rows, blocks)."""
    keys = list(blocks.columns)
    numbered = frame[keys].merge(blocks.assign(block=blocks.index), on=keys, how="left")["block"]
    same = numbered.to_numpy(np.float64)[:, None] == blocks.index.to_numpy(np.float64)
    return np.asarray(same, dtype=np.float64)


def _walks(solved: Solved, authorities: int, years: int, common: float) -> Floats:
    """Standard normals → random walks over the years, in units of the spread of authorities.

    Beside its walk each authority has what all share in a year, with standard deviation `common`.
    """
    from scipy.linalg import block_diag

    walks = []
    for _, prior in solved:
        steps = np.tril(np.full((years, years), prior.walk_sd / prior.between_sd))
        steps[:, 0] = 1.0
        own = np.kron(np.eye(authorities), steps)
        shared = np.kron(np.ones((authorities, 1)), common * np.eye(years))
        walks.append(np.hstack([own, shared]))
    return np.asarray(block_diag(*walks), dtype=np.float64)


def _probabilities(scenario: Scenario, quarters: pd.DataFrame) -> tuple[Floats, Floats, Floats]:
    """Mean of probabilities, covariance of levels and years, and of shocks and quarters."""
    prior = scenario.outcomes
    pilot = quarters["authority"].isin(scenario.pilots).to_numpy()
    mean = np.where(pilot, prior.pilots, prior.comparators)
    authority, year = quarters["authority"].to_numpy(str), quarters["year"].to_numpy(np.float64)
    gap = np.abs(year[:, None] - year)
    same = authority[:, None] == authority
    level = prior.authority_sd / prior.levels_held
    shared = level**2 * same + prior.year_sd**2 * (gap == 0)
    own = prior.authority_year_sd**2 * prior.persistence**gap * same
    own += prior.quarter_sd**2 * np.eye(len(mean))
    return mean, shared * np.outer(mean, mean), own * np.outer(mean, mean)
