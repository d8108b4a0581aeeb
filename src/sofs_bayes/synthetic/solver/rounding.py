"""Probabilities of referrals → outcomes of 0 and 1 on which the printed numbers come out.

What is printed is, near given outcomes, a sum over them: exactly so a linear coefficient, nearly a
logistic one, R² and the logarithm of a standard error. So outcomes are searched for on such sums,
the regressions fitted, and the sums taken anew where the outcomes stand, until the fits
themselves have what is printed. Probabilities are to have it already: most of what is printed
restricts the design, and no outcome can mend it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.frequentist.terms import design, kept_rows
from sofs_bayes.spec import ChildrenAnalysis
from sofs_bayes.synthetic.solver.equations import Asked
from sofs_bayes.synthetic.solver.fits import (
    Outcome,
    Regressors,
    coefficient_values,
    explained_values,
    fit,
)
from sofs_bayes.synthetic.solver.ground import BARE, referral_places, summed
from sofs_bayes.synthetic.solver.outcomes import (
    Binary,
    Sums,
    moved_nearby,
    rounded_outcomes,
    swapped_outcomes,
    tilted_probabilities,
)
from sofs_bayes.synthetic.solver.printed import (
    Means,
    Stars,
    Target,
    printed_rates,
    shares_of,
)

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

# Roundings that are tried, and how often each is fitted and searched on: where sums are linear in
# outcomes, what a few searches have not mended no further one will.
ROUNDINGS, ROUNDS = 10, {False: 5, True: 12}
# Shares of the printed rounding: where fits are to stay, and how near R² is wanted.
INSIDE, EXPLAINED_WITHIN = 0.98, 0.5
# What is off by no more than this is left as it is: a search that wanted all in the middle of its
# rounding would go far for little. Where sums hold only nearby it stops earlier instead.
SLACK = {False: 0.35, True: 0.0}
# On the log scale: how far inside their range statistics are wanted that are outside, and how
# far around that they may end; further where coefficients move as well.
STARS_INSIDE, STARS_AROUND = {False: 0.01, True: 0.03}, {False: 0.008, True: 0.02}


@dataclass(frozen=True, slots=True, kw_only=True)
class RowColumn:
    """A regression on the matched rows it uses, as the regressions' own code has it.

    Parameters
    ----------
    names
        Of its terms.
    place
        The referral that each of its rows is of, shape (rows,).
    """

    name: str
    names: tuple[str, ...]
    regressors: Regressors
    place: Integers

    def outcome(self, values: Floats) -> Outcome:
        """The outcomes of referrals, by row."""
        sums = self.regressors.weight * values[self.place]
        return Outcome(sums=sums, child=np.zeros((len(sums), 0)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What outcomes of referrals are to meet.

    Parameters
    ----------
    targets, means, r_squared, stars
        As in `equations.Problem`; `half_unit` and `near` are the printed rounding.
    weight
        Matching weight of each referral, shape (referrals,).
    """

    columns: tuple[RowColumn, ...]
    targets: tuple[Target, ...]
    means: Means
    r_squared: Target
    stars: tuple[Stars, ...]
    weight: Floats

    @property
    def logistic(self) -> bool:
        """Whether a column is: what is wanted is a sum over outcomes only near some."""
        return any(each.regressors.logistic for each in self.columns)


def with_outcomes(
    matched: pd.DataFrame, authorities: pd.DataFrame, outcome: npt.NDArray[np.integer]
) -> pd.DataFrame:
    """Matched rows with outcomes (in the order of referrals) and authorities' covariates."""
    known = matched.assign(outcome=outcome[referral_places(matched)[0]])
    return known.merge(authorities, on=["authority", "year"], how="left", validate="many_to_one")


def wanted_on(matched: pd.DataFrame, analysis: ChildrenAnalysis, asked: Asked) -> Wanted:
    """What is asked for on matched rows with the authorities' covariates; `outcome` may be any."""
    place, first = referral_places(matched)
    once = 1 / matched["multiplicity"].to_numpy(np.float64)
    weight = matched["weight"].to_numpy(np.float64)
    pilot, post = (matched[name].to_numpy(np.float64) for name in ("pilot", "post"))
    shares = shares_of(pilot, post, weight, np.ones(len(matched)), once)
    rates = np.minimum(asked.rates, 2)
    values, half_units = (each[rates] for each in printed_rates(str(analysis.outcome)))
    names = dict.fromkeys(each.column for each in asked.targets)
    return Wanted(
        columns=tuple(_row_column(matched, analysis, name, place) for name in names),
        targets=asked.targets,
        means=Means(
            shares=summed(place, len(first), shares[:, asked.rates]),
            values=values,
            near=half_units,
        ),
        r_squared=asked.r_squared,
        stars=tuple(each for each in asked.problem.stars if each.clusters is not None),
        weight=np.bincount(place, weight),
    )


def _row_column(
    matched: pd.DataFrame, analysis: ChildrenAnalysis, name: str, place: Integers
) -> RowColumn:
    shared, own = analysis.regressions, name.removesuffix(BARE)
    regression = next(each for each in shared.columns if each.name == own)
    if own != name:
        bare = replace(shared, authority_covariates=(), unscaled=())
        analysis = replace(analysis, regressions=bare)
    numbers = design(matched, analysis, regression)
    rows = len(numbers.outcome)
    return RowColumn(
        name=name,
        names=tuple(numbers.terms.columns),
        regressors=Regressors(
            terms=numbers.terms.to_numpy(np.float64),
            weight=numbers.weights,
            rows=float(rows),
            included=np.ones(rows),
            authority=numbers.authority,
            logistic=regression.model == "logistic",
            child=np.zeros((rows, 0)),
        ),
        place=place[matched.index.isin(kept_rows(matched, regression).index)],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """All fits to outcomes or probabilities of referrals.

    Parameters
    ----------
    outcome
        Shape (referrals,).
    misses, slopes
        Coefficients, means and R² less what is wanted, in units of the rounding, and derivatives
        by outcomes, shapes (wanted,), (referrals, wanted).
    stars, star_slopes
        How far log |t| of stars that are wrong, or nearly so, lies outside its range, and
        derivatives, shapes (stars,), (referrals, stars).
    stars_near
        How near their ranges they are wanted.
    stars_missed
        How many stars are not as printed.
    coefficients
        Column → all its coefficients.
    """

    outcome: Floats
    misses: Floats
    slopes: Floats
    stars: Floats
    star_slopes: Floats
    stars_near: float
    stars_missed: int
    coefficients: Mapping[str, Floats]

    @property
    def farthest(self) -> float:
        """The largest miss."""
        return float(np.abs(self.misses).max())

    def sums(self, *, slack: float, stars: bool) -> Sums:
        """All of it, or all but stars, as sums over outcomes, which they are near these.

        What is off by no more than the slack, in units of the rounding, is to stay as it is.
        """
        near = np.ones(len(self.misses))
        near[-1] = EXPLAINED_WITHIN
        left = slack * near
        rows, missing = self.slopes, np.clip(self.misses, -left, left) - self.misses
        if stars:
            rows = np.hstack([rows, self.star_slopes])
            missing = np.concatenate([missing, -self.stars])
            near = np.concatenate([near, np.full(len(self.stars), self.stars_near)])
        return Sums(rows=rows, target=self.outcome @ rows + missing, tolerance=near)


def fit_outcomes(
    wanted: Wanted, outcome: Floats, start: Mapping[str, Floats] | None = None
) -> Found:
    """The columns fitted to outcomes or their probabilities, shape (referrals,)."""
    count, coefficients, missed = len(outcome), {}, 0
    misses, slopes, stars, star_slopes = [], [], [np.zeros(0)], [np.zeros((count, 0))]
    explained: tuple[Floats, Floats] | None = None
    for column in wanted.columns:
        found = fit(column.regressors, column.outcome(outcome), (start or {}).get(column.name))
        coefficients[column.name] = found.coefficients
        own = [each for each in wanted.targets if each.column == column.name]
        values = coefficient_values(found, [column.names.index(each.term) for each in own])
        near = np.array([each.half_unit for each in own])
        misses.append((values.found - np.array([each.value for each in own])) / near)
        slopes.append(summed(column.place, count, values.by_outcome) / near)
        for each in wanted.stars:
            if each.fitted == column.name:
                values = each.values(column.names, found)
                outside, wrong = each.misses(values.found, STARS_INSIDE[wanted.logistic])
                missed += wrong
                stars.append(outside[outside != 0])
                star_slopes.append(summed(column.place, count, values.by_outcome[:, outside != 0]))
        if column.name == wanted.r_squared.column:
            values, aim = explained_values(found), wanted.r_squared
            by_referral = summed(column.place, count, values.by_outcome) / aim.half_unit
            explained = (values.found - aim.value) / aim.half_unit, by_referral
    assert explained is not None
    means = wanted.means
    return Found(
        outcome=outcome,
        misses=np.concatenate(
            [*misses, (outcome @ means.shares - means.values) / means.near, explained[0]]
        ),
        slopes=np.hstack([*slopes, means.shares / means.near, explained[1]]),
        stars=np.concatenate(stars),
        star_slopes=np.hstack(star_slopes),
        stars_near=STARS_AROUND[wanted.logistic],
        stars_missed=missed,
        coefficients=coefficients,
    )


def printed_outcomes(
    wanted: Wanted,
    probability: Floats,
    block: Integers,
    *,
    rng: np.random.Generator,
    say: Callable[[str], None],
    taken: Callable[[Binary], bool] = lambda outcome: True,
) -> Binary | None:
    """Outcomes of 0 and 1 near given probabilities that meet all that is wanted.

    Of several roundings the one with the fewest wrong stars; none if no rounding met the rest.

    Parameters
    ----------
    probability, block
        Of each referral; swaps stay inside a block.
    taken
        Whether outcomes that meet it all have what else is asked of them.
    """
    best, least = None, np.inf
    search = moved_nearby if wanted.logistic else swapped_outcomes
    found = fit_outcomes(wanted, probability)
    if found.farthest > INSIDE:
        probability = tilted_probabilities(
            probability, found.sums(slack=SLACK[wanted.logistic], stars=False)
        )
    start = fit_outcomes(wanted, probability)
    for number in range(ROUNDINGS):
        outcome = rounded_outcomes(probability, block, rng=rng, along=wanted.weight)
        sums, found = start.sums(slack=SLACK[wanted.logistic], stars=True), start
        for again in range(ROUNDS[wanted.logistic]):
            outcome = search(outcome, block, sums, rng=rng)
            found = fit_outcomes(wanted, outcome.astype(np.float64), found.coefficients)
            say(
                f"rounding {number + 1}, fit {again + 1}: farthest off {found.farthest:.2f} of the"
                f" rounding, {found.stars_missed} clustered stars not as printed"
            )
            met = found.farthest <= INSIDE
            if met and found.stars_missed < least and taken(outcome):
                best, least = outcome, found.stars_missed
            if least == 0:
                return best
            if met and found.stars_missed == 0:
                break
            sums = found.sums(slack=SLACK[wanted.logistic], stars=True)
    return best
