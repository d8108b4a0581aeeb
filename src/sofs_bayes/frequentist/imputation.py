"""Multiple imputation of missing covariates by chained equations.

A covariate of two levels is imputed by Bayesian logistic regression, a number by predictive
mean matching, as R's `mice` does by its methods logreg and pmm. statsmodels' own
`imputation.mice` does not serve: it matches fitted means whatever it imputes, also levels,
draws no residual variance, and parses a formula of the whole table at each step.

What is imputed are referrals, each once, so that a referral has the same value in all its
matched groups. An imputation model has the outcome, the year, the authority, whether the
referral is a pilot's after settling-in, and the children's covariates of the regressions; no
weights. The alternative, missing values as a level of their own, is `did.fit` on the same table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.errors import BadInput
from sofs_bayes.frequentist.clustering import Correction
from sofs_bayes.frequentist.did import DidFit, Reference, fit
from sofs_bayes.frequentist.pooling import pool
from sofs_bayes.frequentist.predictors import (
    draw_level,
    draw_number,
    fixed_predictors,
    usable,
)
from sofs_bayes.frequentist.terms import MISSING, independent_columns
from sofs_bayes.spec import ChildrenAnalysis, Levels, Number, Regression

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Imputations:
    """A matched table with its imputed values.

    Parameters
    ----------
    matched
        The table as it was; not copied.
    analysis
        Without the covariates that had too many missing values.
    values
        By covariate: the imputed values of the rows where it is missing, shape
        (imputations, rows missing); text for levels, numbers for numbers.
    rows
        By covariate: positions of those rows in the table.
    count
        Number of imputations; 1 if there was nothing to impute.
    dropped
        Covariates with more missing than the analysis's `highest_missing_share`.
    """

    matched: pd.DataFrame
    analysis: ChildrenAnalysis
    values: Mapping[str, npt.NDArray[np.generic]]
    rows: Mapping[str, npt.NDArray[np.intp]]
    count: int
    dropped: tuple[str, ...]

    def completed(self, number: int) -> pd.DataFrame:
        """The table with the values of one imputation; the table itself if none is missing."""
        if not self.values:
            return self.matched
        columns = {}
        for name, values in self.values.items():
            column = self.matched[name].to_numpy(copy=True)
            column[self.rows[name]] = values[number]
            columns[name] = pd.Series(
                column, index=self.matched.index, dtype=self.matched[name].dtype
            )
        return self.matched.assign(**columns)


def missing_shares(matched: pd.DataFrame, analysis: ChildrenAnalysis) -> dict[str, float]:
    """The share of referrals where a covariate to be imputed is missing, by covariate."""
    referrals = matched.drop_duplicates("referral")
    return {
        name: float(_absent(referrals[name]).mean())
        for name in analysis.regressions.covariates
        if analysis.records.covariate(name).missing == "impute"
    }


def impute(
    matched: pd.DataFrame, analysis: ChildrenAnalysis, *, seed: int | None = None
) -> Imputations:
    """Multiple imputation of the covariates that the analysis leaves to it.

    Numbers of imputations and iterations are the analysis's. The values depend on the seed and
    the referrals, not on the order of the rows.

    Parameters
    ----------
    seed
        The analysis's, if not given.

    Raises
    ------
    BadInput
        A covariate of more than two levels is to be imputed, or one of which all that is
        known is one level; a model of too few referrals, or without a maximum.
    """
    settings = analysis.regressions
    shares = missing_shares(matched, analysis)
    dropped = tuple(
        name for name, share in shares.items() if share > settings.highest_missing_share
    )
    wanted = tuple(name for name, share in shares.items() if share > 0 and name not in dropped)
    analysis = _without(analysis, dropped)
    if not wanted:
        return Imputations(
            matched=matched, analysis=analysis, values={}, rows={}, count=1, dropped=dropped
        )
    _check_levels(analysis, wanted)
    referrals = _each_once(matched)
    streams = np.random.SeedSequence(settings.seed if seed is None else seed).spawn(
        settings.imputations
    )
    chains = [
        _chain(referrals, analysis, wanted, rng=np.random.default_rng(stream)) for stream in streams
    ]
    rows = {name: np.flatnonzero(_absent(matched[name])) for name in wanted}
    values = {}
    for name in wanted:
        wanting = pd.Index(matched["referral"].iloc[rows[name]])
        position = referrals.index.get_indexer(wanting)
        values[name] = np.stack([chain[name][position] for chain in chains])
    return Imputations(
        matched=matched,
        analysis=analysis,
        values=values,
        rows=rows,
        count=settings.imputations,
        dropped=dropped,
    )


def fit_imputed(
    imputed: Imputations,
    regression: Regression,
    *,
    correction: Correction | None = None,
    reference: Reference = "t",
) -> DidFit:
    """The fit of a regression to every imputed table, pooled by Rubin's rules."""
    fits = [
        fit(
            imputed.completed(number),
            imputed.analysis,
            regression,
            correction=correction,
            reference=reference,
        )
        for number in range(imputed.count)
    ]
    pooled = fits[0] if not imputed.values else pool(fits)
    return replace(pooled, dropped=pooled.dropped + imputed.dropped)


# ----------------------------------------------------------------------------- one imputation


def _chain(
    referrals: pd.DataFrame,
    analysis: ChildrenAnalysis,
    wanted: tuple[str, ...],
    *,
    rng: np.random.Generator,
) -> dict[str, npt.NDArray[np.generic]]:
    """One imputation: every wanted covariate, complete, by referral.

    Each starts at random draws from its observed values; in each iteration each is drawn anew
    given the others. A single one depends on no other imputed value, so that once is enough.
    """
    fixed = fixed_predictors(referrals, analysis, wanted)
    models = {name: _model(referrals, analysis, name, fixed) for name in wanted}
    values = {name: _first_draw(referrals[name], models[name].absent, rng) for name in wanted}
    for _ in range(analysis.regressions.iterations if len(wanted) > 1 else 1):
        for name, model in models.items():
            others = [
                _as_number(values[other], analysis.records.covariate(other))
                for other in wanted
                if other != name
            ]
            values[name][model.absent] = _draw(model, values[name], others, rng)
    return values


@dataclass(frozen=True, slots=True, kw_only=True)
class _Model:
    """What an imputation model has in every iteration."""

    covariate: Levels | Number
    absent: npt.NDArray[np.bool_]
    seen_predictors: Floats
    absent_predictors: Floats


def _model(referrals: pd.DataFrame, analysis: ChildrenAnalysis, name: str, fixed: Floats) -> _Model:
    covariate = analysis.records.covariate(name)
    absent = _absent(referrals[name])
    level = None
    if isinstance(covariate, Levels):
        level = _as_number(referrals[name].to_numpy(), covariate)[~absent]
        if level.min() == level.max():
            raise BadInput("matched referrals", name, "one level alone to impute from", "both")
    kept = usable(fixed[~absent], level)
    return _Model(
        covariate=covariate,
        absent=absent,
        seen_predictors=fixed[~absent][:, kept],
        absent_predictors=fixed[absent][:, kept],
    )


def _draw(
    model: _Model,
    values: npt.NDArray[np.generic],
    others: Sequence[Floats],
    rng: np.random.Generator,
) -> npt.NDArray[np.generic]:
    """New values of the referrals where the covariate is absent."""
    seen = np.column_stack([model.seen_predictors, *(other[~model.absent] for other in others)])
    absent = np.column_stack([model.absent_predictors, *(other[model.absent] for other in others)])
    kept = independent_columns(seen, np.ones(len(seen)))
    seen, absent = seen[:, kept], absent[:, kept]
    known = _as_number(values, model.covariate)[~model.absent]
    if isinstance(model.covariate, Number):
        return draw_number(known, seen, absent, rng)
    yes = draw_level(known, seen, absent, rng)
    levels = np.array([model.covariate.reference, _second_level(model.covariate)], dtype=object)
    chosen: npt.NDArray[np.generic] = levels[yes.astype(np.intp)]
    return chosen


def _first_draw(
    column: "pd.Series[str]", absent: npt.NDArray[np.bool_], rng: np.random.Generator
) -> npt.NDArray[np.generic]:
    values = column.to_numpy(copy=True)
    values[absent] = rng.choice(values[~absent], size=int(absent.sum()))
    filled: npt.NDArray[np.generic] = values
    return filled


def _as_number(values: npt.NDArray[np.generic], covariate: Levels | Number) -> Floats:
    if isinstance(covariate, Number):
        return values.astype(np.float64)
    flags: Floats = (values == _second_level(covariate)).astype(np.float64)
    return flags


def _second_level(covariate: Levels) -> str:
    return next(level for level in covariate.levels if level != covariate.reference)


def _absent(column: "pd.Series[str]") -> npt.NDArray[np.bool_]:
    return (column.isna() | (column == MISSING)).to_numpy(np.bool_)


def _each_once(matched: pd.DataFrame) -> pd.DataFrame:
    """One row for each referral, by its number, which becomes the index."""
    ordered = matched.sort_values(["referral", "group"])
    once = ordered.drop_duplicates("referral").set_index("referral")
    treated = (ordered["pilot"] * ordered["post"]).groupby(ordered["referral"]).max()
    return once.assign(treated=treated)


def _check_levels(analysis: ChildrenAnalysis, wanted: tuple[str, ...]) -> None:
    for name in wanted:
        covariate = analysis.records.covariate(name)
        if isinstance(covariate, Levels) and len(covariate.levels) != 2:
            found = f'missing = "impute" with {len(covariate.levels)} levels'
            raise BadInput("the analysis", name, found, 'two levels, or missing = "level"')


def _without(analysis: ChildrenAnalysis, dropped: tuple[str, ...]) -> ChildrenAnalysis:
    if not dropped:
        return analysis
    kept = tuple(name for name in analysis.regressions.covariates if name not in dropped)
    return replace(analysis, regressions=replace(analysis.regressions, covariates=kept))
