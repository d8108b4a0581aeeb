"""Probabilities of referrals → outcomes of 0 and 1 on which the printed numbers come out.

What is printed is, near given outcomes, a sum over them: exactly so a linear coefficient, nearly a
logistic one, R² and the logarithm of a standard error. So outcomes are searched for on such sums,
the regressions fitted, and the sums taken anew where the outcomes stand, until the fits
themselves have what is printed. Probabilities are to have it already: most of what is printed
restricts the design, and no outcome can mend it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.frequentist.terms import design, kept_rows
from sofs_bayes.spec import ChildrenAnalysis
from sofs_bayes.synthetic.solver.equations import Asked, Place, Wants, place_of, together
from sofs_bayes.synthetic.solver.fits import Outcome, Regressors, fit
from sofs_bayes.synthetic.solver.ground import BARE, referral_places, summed
from sofs_bayes.synthetic.solver.outcomes import (
    Binary,
    Sums,
    moved_nearby,
    rounded_outcomes,
    swapped_outcomes,
    tilted_probabilities,
)
from sofs_bayes.synthetic.solver.printed import Means, printed_rates, shares_of
from sofs_bayes.synthetic.solver.search import Misses

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

# Roundings that are tried, and how often each is fitted and searched on: where sums are linear in
# outcomes, what a few searches have not mended no further one will.
ROUNDINGS, ROUNDS = 10, {False: 5, True: 14}
# Roundings that are still tried for fewer wrong stars.
IDLE = 2
# Shares of the printed rounding: where fits are to stay, and how near R² is wanted.
INSIDE, EXPLAINED_WITHIN = 0.98, 0.5
# What is off by no more than this is left as it is: a search that wanted all in the middle of its
# rounding would go far for little. Where sums hold only nearby it stops earlier instead.
SLACK = {False: 0.35, True: 0.0}
# On the log scale: how far inside their range statistics are wanted that are outside, and how
# far around that they may end; further where coefficients move as well.
STARS_INSIDE, STARS_AROUND = {False: 0.01, True: 0.03}, {False: 0.008, True: 0.02}
# How far others may move where many outcomes do, and the share of the way that is asked first.
STARS_KEPT, FIRST_SHARE = {False: np.inf, True: 0.06}, 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class RowColumn:
    """A regression on the matched rows it uses, as the regressions' own code has it."""

    name: str
    names: tuple[str, ...]  # of its terms
    regressors: Regressors
    place: Integers  # the referral that each of its rows is of, shape (rows,)

    def outcome(self, values: Floats) -> Outcome:
        """The outcomes of referrals, by row."""
        sums = self.regressors.weight * values[self.place]
        return Outcome(sums=sums, child=np.zeros((len(sums), 0)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted(Wants):
    """What outcomes of referrals are to meet; `half_unit` and `near` are the printed rounding."""

    columns: tuple[RowColumn, ...]
    weight: Floats  # matching weight of each referral, shape (referrals,)

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


def fit_outcomes(
    wanted: Wanted, outcome: Floats, start: Mapping[str, Floats] | None = None
) -> Place:
    """What the columns fitted to outcomes or their probabilities miss, shape (referrals,)."""
    columns = {each.name: each for each in wanted.columns}
    fits = (
        (
            name,
            each.names,
            fit(each.regressors, each.outcome(outcome), (start or {}).get(name)),
        )
        for name, each in columns.items()
    )
    means = wanted.means
    return place_of(
        wanted,
        outcome,
        fits,
        lambda name, values: summed(columns[name].place, len(outcome), values.by_outcome).T,
        means=(means.misses(outcome), (means.shares / means.near).T),
        margin=STARS_INSIDE[wanted.logistic],
    )


def printed_misses(place: Place) -> Misses:
    """All that outcomes have to meet: coefficients, means, and R² as the last."""
    return together([place.targets, place.means, place.explained])


def farthest(place: Place) -> float:
    """The largest of these misses."""
    return float(np.abs(printed_misses(place)[0]).max())


def missing_at(place: Place, *, logistic: bool, share: float) -> tuple[Floats, Floats]:
    """By how much printed numbers and a share of stars are to move, and how near that is wanted.

    What is off by no more than the slack, in units of the rounding, is to stay as it is, as are
    stars that are as printed.
    """
    misses, outside = printed_misses(place)[0], place.stars[0]
    near = np.ones(len(misses))
    near[-1] = EXPLAINED_WITHIN
    slack = SLACK[logistic] * near
    around = np.where(outside == 0, STARS_KEPT[logistic], share * STARS_AROUND[logistic])
    missing = np.clip(misses, -slack, slack) - misses
    return np.concatenate([missing, -share * outside]), np.concatenate([near, around])


def sums_near(place: Place, *, logistic: bool, share: float) -> Sums:
    """What is to move as sums over outcomes, which it is near a place; without stars at 0."""
    missing, near = missing_at(place, logistic=logistic, share=share)
    slopes = printed_misses(place)[1]
    rows = np.ascontiguousarray((np.vstack([slopes, place.stars[1]]) if share else slopes).T)
    count = rows.shape[1]
    return Sums(rows=rows, target=place.vector @ rows + missing[:count], tolerance=near[:count])


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounded:
    """Outcomes of 0 and 1, and what they miss of print."""

    outcome: Binary
    place: Place
    off: tuple[str, ...]  # coefficients, rates, R² and leads that are not as printed

    @property
    def rank(self) -> tuple[float, ...]:
        """Lower is better."""
        return len(self.off), len(self.place.stars_missed), farthest(self.place)


def printed_outcomes(
    wanted: Wanted,
    probability: Floats,
    block: Integers,
    *,
    rng: np.random.Generator,
    say: Callable[[str], None],
    taken: Callable[[Binary], bool] = lambda outcome: True,
) -> Rounded:
    """Outcomes of 0 and 1 near given probabilities that meet all that is wanted, or most of it.

    Of several roundings the best: none once all is met, few once only stars are not.

    `probability`, `block`: of each referral; swaps stay inside a block. `taken`: whether outcomes
    that meet it all have the printed leads.
    """
    logistic, best, idle = wanted.logistic, None, 0
    start = fit_outcomes(wanted, probability)
    if farthest(start) > INSIDE:
        sums = sums_near(start, logistic=logistic, share=0.0)
        probability = tilted_probabilities(probability, sums)
        start = fit_outcomes(wanted, probability)
    for number in range(ROUNDINGS):
        outcome = rounded_outcomes(probability, block, rng=rng, along=wanted.weight)
        before = best
        for place in _approached(wanted, outcome, start, block, rng):
            moved = place.vector.astype(np.int8)
            off = missed_by(wanted, place)
            if not off and not taken(moved):
                off = ("the number of insignificant leads",)
            found = Rounded(outcome=moved, place=place, off=off)
            say(
                f"rounding {number + 1}: farthest off {farthest(place):.2f} of the rounding,"
                f" {len(place.stars_missed)} clustered stars not as printed"
            )
            best = found if best is None or found.rank < best.rank else best
            if not off and not place.stars_missed:
                return found
        idle = 0 if best is not before else idle + 1
        if best is not None and not best.off and idle == IDLE:
            break
    assert best is not None
    return best


def missed_by(wanted: Wanted, place: Place) -> tuple[str, ...]:
    """Printed coefficients, rates and R² that are not met, by name, and by how much."""
    columns = [each.name for each in wanted.columns]
    names = [
        f"{each.column}: {each.term}"
        for column in columns
        for each in wanted.targets
        if each.column == column
    ]
    names += ["rates before settling-in, and the incidence"] * len(wanted.means.values)
    misses = printed_misses(place)[0]
    return tuple(
        f"{name} ({miss:+.2f} of its rounding)"
        for name, miss in zip([*names, "R²"], misses.tolist(), strict=True)
        if abs(miss) > INSIDE
    )


def _approached(
    wanted: Wanted, outcome: Binary, start: Place, block: Integers, rng: np.random.Generator
) -> Iterator[Place]:
    """Where searches from a rounding end, one after the other, each from the best before it.

    Where sums hold only nearby, printed numbers are met first, as few changes do that. Stars take
    many and are asked for by shares of their way, printed numbers after each: a larger share once
    less is left to do, half of it where there is not.
    """
    logistic, place = wanted.logistic, start
    search, share = (moved_nearby, 0.0) if logistic else (swapped_outcomes, 1.0)
    for again in range(ROUNDS[logistic]):
        tried, there = outcome, place
        for part in (share, 0.0) if logistic and share else (share,):
            sums = sums_near(there, logistic=logistic, share=part)
            tried = search(tried, block, sums, rng=rng)
            there = fit_outcomes(wanted, tried.astype(np.float64), there.coefficients)
            yield there
        better = again == 0 or _left(there, logistic, share) < _left(place, logistic, share)
        if better:
            outcome, place = tried, there
        if logistic and share:
            share = min(2 * share, 1.0) if better else share / 2
        elif logistic and farthest(place) <= INSIDE:
            share = FIRST_SHARE


def _left(place: Place, logistic: bool, share: float) -> float:
    """The sum of squares of what is missed, in tolerances; without stars at the share 0."""
    missing, near = missing_at(place, logistic=logistic, share=1.0)
    count = None if share else len(printed_misses(place)[0])
    return float(((missing / near)[:count] ** 2).sum())
