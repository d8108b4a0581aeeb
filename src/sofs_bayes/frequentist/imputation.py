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

from sofs_bayes.errors import BadInput, counted
from sofs_bayes.frequentist.clustering import Correction
from sofs_bayes.frequentist.did import DidFit, Reference, fit
from sofs_bayes.frequentist.estimation import is_separated, logistic_maximum
from sofs_bayes.frequentist.terms import (
    MISSING,
    authority_terms,
    base_terms,
    child_terms,
    independent_columns,
)
from sofs_bayes.spec import ChildrenAnalysis, Levels, Number, Regression

# How many observed referrals a number is drawn from, as in `mice`.
DONORS = 5

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def fixed_predictors(
    referrals: pd.DataFrame, analysis: ChildrenAnalysis, imputed: tuple[str, ...]
) -> Floats:
    """What is known of each referral, shape (referrals, predictors); the first is 1.

    Years, authorities, outcome, `treated` (a pilot's after settling-in), and the regressions'
    covariates but the imputed ones.
    """
    known = tuple(name for name in analysis.regressions.covariates if name not in imputed)
    others = replace(analysis, regressions=replace(analysis.regressions, covariates=known))
    blocks = [
        base_terms(referrals, analysis),
        authority_terms(referrals),
        referrals[["outcome", "treated"]],
        child_terms(referrals, others),
    ]
    return np.hstack([block.to_numpy(np.float64) for block in blocks])


def usable(predictors: Floats, level: Floats | None) -> Flags:
    """Which predictors a model of the observed referrals can have; shape (predictors,).

    Combinations of earlier ones are out, and with a `level` (0 or 1) to be imputed those that
    separate it.
    """
    kept = independent_columns(predictors, np.ones(len(predictors)))
    if level is not None:
        for column in np.flatnonzero(kept[1:]) + 1:
            kept[column] = not is_separated(predictors[:, column], level)
    return kept


def draw_number(values: Floats, seen: Floats, absent: Floats, rng: np.random.Generator) -> Floats:
    """Predictive mean matching: values for the absent referrals, shape (absent,).

    Coefficients are drawn from their posterior under a flat prior (van Buuren 2018, algorithms
    3.1 and 3.3, type 1 matching): a referral's mean under the draw is matched to the nearest
    `DONORS` fitted means of observed referrals, one of which gives its value.

    Parameters
    ----------
    values
        Of the observed referrals.
    seen, absent
        Predictors of the observed and of the other referrals; of the observed none is a
        combination of others.
    """
    left = len(values) - seen.shape[1]
    if left < 1:
        found = f"{counted(len(values), 'referral')} to impute a number from"
        raise BadInput("matched referrals", "", found, f"more than {seen.shape[1]}")
    inverse = np.linalg.inv(seen.T @ seen)
    coefficients = inverse @ (seen.T @ values)
    means = seen @ coefficients
    variance = ((values - means) ** 2).sum() / rng.chisquare(left)
    root = np.sqrt(variance) * np.linalg.cholesky(inverse)
    drawn = coefficients + root @ rng.standard_normal(len(root))
    order = np.argsort(means, kind="stable")
    return values[order][_near(means[order], absent @ drawn, rng)]


def draw_level(level: Floats, seen: Floats, absent: Floats, rng: np.random.Generator) -> Flags:
    """Bayesian logistic regression: whether the absent referrals have a level, shape (absent,).

    Coefficients are drawn from the normal approximation to their posterior.

    Parameters
    ----------
    level
        0 or 1, of the observed referrals; both among them.
    seen, absent
        Predictors of the observed and of the other referrals; the first is 1, and of the
        observed none is a combination of others.
    """
    from scipy.special import expit

    solved = logistic_maximum(seen, level, np.ones(len(level)))
    if solved is None:
        found = "a level to be imputed whose logistic model has no maximum"
        raise BadInput("matched referrals", "", found, 'missing = "level"')
    root = np.linalg.cholesky(np.asarray(solved.cov_params()))
    drawn = np.asarray(solved.params) + root @ rng.standard_normal(len(root))
    flags: Flags = rng.random(len(absent)) < expit(absent @ drawn)
    return flags


def _near(means: Floats, wanted: Floats, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Positions in ascending `means`: for each wanted mean one of the nearest, at random."""
    count = min(DONORS, len(means))
    window = np.arange(-count, count)
    around = np.searchsorted(means, wanted)[:, None] + window
    inside = (around >= 0) & (around < len(means))
    away = np.abs(means[around.clip(0, len(means) - 1)] - wanted[:, None])
    nearest = np.argsort(np.where(inside, away, np.inf), axis=1, kind="stable")[:, :count]
    chosen = nearest[np.arange(len(wanted)), rng.integers(count, size=len(wanted))]
    return around[np.arange(len(wanted)), chosen]


def pool(fits: Sequence[DidFit]) -> DidFit:
    """Fits of one regression to imputed tables → one, by Rubin's rules.

    Coefficients are means. The covariance is the mean covariance plus (1 + 1/m) times that of
    the coefficients between imputations. Degrees of freedom are those of Barnard and Rubin
    (1999, eq. 3–5), with the fits' own as those of complete data. R², log-likelihood and
    dispersion are means. A failed fit among them, or one with other terms, fails the whole.
    """
    first = fits[0]
    failed = next((each for each in fits if each.failure is not None), None)
    if failed is not None:
        return replace(failed, imputations=len(fits))
    if any(each.terms != first.terms for each in fits):
        nothing = np.full_like(first.coefficients, np.nan)
        return replace(
            first,
            coefficients=nothing,
            covariance=np.full_like(first.covariance, np.nan),
            imputations=len(fits),
            failure="imputed tables do not all have the same terms; leave a covariate out",
        )
    within = np.mean([each.covariance for each in fits], axis=0)
    coefficients = np.stack([each.coefficients for each in fits])
    between = np.atleast_2d(np.cov(coefficients, rowvar=False))
    covariance, degrees = rubin(
        within, between, len(fits), np.mean([each.degrees_of_freedom for each in fits], axis=0)
    )
    squares = [each.r_squared for each in fits if each.r_squared is not None]
    spreads = [each.authority_sd for each in fits if each.authority_sd is not None]
    return replace(
        first,
        coefficients=coefficients.mean(axis=0),
        covariance=covariance,
        degrees_of_freedom=degrees,
        r_squared=float(np.mean(squares)) if squares else None,
        log_likelihood=float(np.mean([each.log_likelihood for each in fits])),
        dispersion=float(np.mean([each.dispersion for each in fits])),
        authority_sd=float(np.mean(spreads)) if spreads else None,
        imputations=len(fits),
    )


def rubin(
    within: Floats, between: Floats, imputations: int, complete: Floats
) -> tuple[Floats, Floats]:
    """The total covariance and the degrees of freedom of m imputations' coefficients.

    Parameters
    ----------
    within, between
        Mean covariance of the fits, and covariance of the coefficients between them.
    complete
        Degrees of freedom that each term would have with complete data; may be infinite.
    """
    m = imputations
    total = within + (1 + 1 / m) * between
    # Nothing between imputations leaves infinitely many, nothing at all no number.
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (1 + 1 / m) * np.diag(between) / np.diag(total)
        from_imputing = (m - 1) / share**2
        observed = np.where(
            np.isinf(complete), np.inf, complete * (1 - 2 / (complete + 3)) * (1 - share)
        )
        degrees: Floats = 1 / (1 / from_imputing + 1 / observed)
    return total, degrees


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
