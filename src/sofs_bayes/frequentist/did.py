"""The fit of one regression of the published analysis to matched referrals."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.errors import BadInput
from sofs_bayes.frequentist.clustering import Correction, cluster_labels, clustered
from sofs_bayes.frequentist.estimation import Estimate, least_squares, logistic, unfit
from sofs_bayes.frequentist.multilevel import random_intercepts
from sofs_bayes.frequentist.terms import Design, design, kept_rows
from sofs_bayes.frequentist.wild_bootstrap import Caution, caution
from sofs_bayes.spec import ChildrenAnalysis, Regression

Floats = npt.NDArray[np.float64]
Reference = Literal["t", "normal"]

TOO_FEW = "none: too few clusters"


@dataclass(frozen=True, slots=True, kw_only=True)
class DidFit:
    """A fitted regression.

    Parameters
    ----------
    name, model
        Of the regression.
    terms
        Names of the coefficients.
    coefficients, covariance
        On the model's scale (probability, or log-odds); NaN throughout if the fit failed. The
        covariance is NaN too where clusters are too few for it.
    degrees_of_freedom
        Of the t distribution that a term's statistic is read from, by term; infinity is the
        normal distribution, NaN where no test can be had (`caution`).
    errors
        How the covariance was made, in words.
    clusters
        Their number; None if errors are not clustered.
    rows, referrals, children
        Rows of the matched table that were used, and the referrals and children in them.
    r_squared
        `r_squared_kind` says which; None with random effects and for a failed fit.
    log_likelihood
        Linear: as R's `logLik`; logistic: the weighted sum over rows; random effects: REML.
    dispersion
        Residual variance (linear); Pearson's dispersion (logistic), by which R's quasibinomial
        family would multiply the unclustered covariance.
    authority_sd
        Standard deviation of the random effects of authorities, where there are any.
    dropped
        Terms or covariates that could not be used.
    imputations
        Number of imputed data sets that were pooled; 0 if nothing was imputed.
    failure
        Why there is no estimate and what to do, or None.
    caution
        Why there are no p-values, or no standard errors either, and what stands in their place,
        or None.
    """

    name: str
    model: Literal["linear", "logistic"]
    terms: tuple[str, ...]
    coefficients: Floats
    covariance: Floats
    degrees_of_freedom: Floats
    errors: str
    clusters: int | None
    rows: int
    referrals: int
    children: int
    r_squared: float | None
    log_likelihood: float
    dispersion: float
    authority_sd: float | None = None
    dropped: tuple[str, ...] = ()
    imputations: int = 0
    failure: str | None = None
    caution: str | None = None

    @property
    def note(self) -> str:
        """Why there is no estimate, or no p-values; empty if there are both."""
        return self.failure or self.caution or ""

    @property
    def converged(self) -> bool:
        """Whether there is an estimate."""
        return self.failure is None

    @property
    def r_squared_kind(self) -> str:
        """Which R² this is."""
        return "weighted R²" if self.model == "linear" else "McFadden's pseudo-R²"

    @property
    def standard_errors(self) -> Floats:
        """By term."""
        roots: Floats = np.sqrt(np.maximum(np.diag(self.covariance), 0.0))
        return roots

    @property
    def statistics(self) -> Floats:
        """Coefficients divided by their standard errors, t or z; NaN without an error."""
        errors = self.standard_errors
        nothing = np.full_like(errors, np.nan)
        return np.divide(self.coefficients, errors, out=nothing, where=errors > 0)

    @property
    def p_values(self) -> Floats:
        """Two-sided, by term."""
        from scipy.special import stdtr

        values: Floats = 2 * stdtr(self.degrees_of_freedom, -np.abs(self.statistics))
        return values

    def coefficient(self, term: str) -> float:
        """One coefficient, by the name of its term."""
        return float(self.coefficients[self.terms.index(term)])

    def standard_error(self, term: str) -> float:
        """One standard error, by the name of its term."""
        return float(self.standard_errors[self.terms.index(term)])

    def table(self, level: float = 0.95) -> pd.DataFrame:
        """Everything by term, with intervals at `level`; the index is the term."""
        from scipy.special import stdtrit

        errors = self.standard_errors
        reach = errors * stdtrit(self.degrees_of_freedom, (1 + level) / 2)
        columns = {
            "coefficient": self.coefficients,
            "standard_error": errors,
            "statistic": self.statistics,
            "degrees_of_freedom": self.degrees_of_freedom,
            "p_value": self.p_values,
            "lower": self.coefficients - reach,
            "upper": self.coefficients + reach,
        }
        return pd.DataFrame(columns, index=pd.Index(self.terms, name="term"))


def fit(
    matched: pd.DataFrame,
    analysis: ChildrenAnalysis,
    regression: Regression,
    *,
    correction: Correction | None = None,
    reference: Reference = "t",
) -> DidFit:
    """The fit of a regression to matched referrals, missing values standing as levels.

    Where they are to be imputed, `imputation.fit_imputed` is to be called instead.

    Errors are clustered as the regression says, with the analysis's correction unless another
    is given; unclustered they are the model's own. With random effects of authorities they are
    those of the REML fit, whatever the regression says of clusters, and normal.

    Parameters
    ----------
    reference
        What statistics are read from: t with as many degrees of freedom as the errors have
        (clusters less one; Satterthwaite's for CR2; rows less terms for an unclustered linear
        model), or the normal distribution. Unclustered logistic models have the normal one.

    Returns
    -------
    DidFit
        If there is no estimate (no more rows than terms, an outcome or effect that does not
        vary, a logistic model without a maximum), one with a `failure` and NaN for every number.
        Where clusters are too few for errors, one with a `caution`.

    Raises
    ------
    BadInput
        Random effects in a logistic model; what `terms.design` cannot use.
    """
    _check_effects(regression)
    numbers = design(matched, analysis, regression)
    empty = _empty(numbers, kept_rows(matched, regression), regression)
    if why := unfit(numbers):
        return replace(empty, failure=why)
    warned = caution(numbers, regression)
    if regression.authorities == "random":
        found = _multilevel(numbers, empty)
    else:
        estimate = least_squares(numbers) if regression.model == "linear" else logistic(numbers)
        if isinstance(estimate, str):
            return replace(empty, failure=estimate)
        chosen = correction or analysis.regressions.correction
        found = replace(
            empty,
            coefficients=estimate.coefficients,
            covariance=estimate.covariance,
            r_squared=estimate.r_squared,
            log_likelihood=estimate.log_likelihood,
            dispersion=estimate.dispersion,
        )
        if warned is None or warned.errors:
            found = _with_errors(found, estimate, numbers, regression, chosen)
    if reference == "normal":
        found = replace(found, degrees_of_freedom=np.full(len(found.terms), np.inf))
    return found if warned is None else _warned(found, warned)


def _check_effects(regression: Regression) -> None:
    if regression.authorities == "random" and regression.model == "logistic":
        place = f"regressions.columns, {regression.name!r}, authorities"
        allowed = (
            "random with a linear model, or fixed (no Python library has logistic random effects"
            " by maximum likelihood)"
        )
        raise BadInput("the analysis", place, "random with a logistic model", allowed)


def _empty(numbers: Design, kept: pd.DataFrame, regression: Regression) -> DidFit:
    """A fit before there are numbers."""
    terms = tuple(str(name) for name in numbers.terms.columns)
    size = len(terms)
    return DidFit(
        name=regression.name,
        model=regression.model,
        terms=terms,
        coefficients=np.full(size, np.nan),
        covariance=np.full((size, size), np.nan),
        degrees_of_freedom=np.full(size, np.inf),
        errors="none",
        clusters=None,
        rows=len(kept),
        referrals=int(kept["referral"].nunique()),
        children=int(kept["child"].nunique()),
        r_squared=None,
        log_likelihood=float("nan"),
        dispersion=float("nan"),
        dropped=numbers.dropped,
    )


def _multilevel(numbers: Design, empty: DidFit) -> DidFit:
    found = random_intercepts(numbers)
    if isinstance(found, str):
        return replace(empty, failure=found)
    return replace(
        empty,
        coefficients=found.coefficients,
        covariance=found.covariance,
        errors="random effects of authorities (REML)",
        log_likelihood=found.log_likelihood,
        dispersion=found.residual_sd**2,
        authority_sd=found.authority_sd,
    )


def _with_errors(
    found: DidFit,
    estimate: Estimate,
    numbers: Design,
    regression: Regression,
    correction: Correction,
) -> DidFit:
    groups = cluster_labels(numbers, regression)
    if groups is None:
        linear = regression.model == "linear"
        left = float(found.rows - len(found.terms)) if linear else np.inf
        return replace(
            found,
            errors="the model's own, not clustered",
            degrees_of_freedom=np.full(len(found.terms), left),
        )
    errors = clustered(estimate.working, groups, correction)
    return replace(
        found,
        covariance=errors.covariance,
        degrees_of_freedom=errors.degrees_of_freedom,
        errors=f"{correction}, clustered on {regression.cluster}",
        clusters=errors.clusters,
    )


def _warned(found: DidFit, warned: Caution) -> DidFit:
    """The fit without p-values, and without standard errors that cannot be shown."""
    nothing = np.full(len(found.terms), np.nan)
    found = replace(found, degrees_of_freedom=nothing, caution=warned.sentence)
    if warned.errors:
        return found
    return replace(found, covariance=np.full_like(found.covariance, np.nan), errors=TOO_FEW)
