"""The whole published analysis on matched children: fits, tests, rules, printed numbers."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from sofs_bayes.errors import BadInput
from sofs_bayes.frequentist.assumptions import (
    BreuschGodfrey,
    LeadsTest,
    breusch_godfrey,
    leads_test,
)
from sofs_bayes.frequentist.clustering import Correction
from sofs_bayes.frequentist.counterfactual import YearRate, counterfactual_rates
from sofs_bayes.frequentist.decisions import Decision, choose_errors, choose_model, judge_trends
from sofs_bayes.frequentist.did import DidFit, fit
from sofs_bayes.frequentist.imputation import Imputations, fit_imputed, impute
from sofs_bayes.frequentist.margins import average_marginal_effects
from sofs_bayes.frequentist.replication import (
    Replicated,
    assumption_numbers,
    coefficients,
    r_squared,
)
from sofs_bayes.frequentist.terms import DID
from sofs_bayes.frequentist.wild_bootstrap import wild_bootstrap
from sofs_bayes.spec import ChildrenAnalysis, Regression

LEVEL = 0.95

Watch = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TermRow:
    """One term of a fitted regression, on the model's scale.

    `clusters` is 0 where errors are not clustered; `errors` says how they were made.
    """

    regression: str
    model: str
    term: str
    coefficient: float
    standard_error: float
    degrees_of_freedom: float
    p_value: float
    lower: float
    upper: float
    level: float
    errors: str
    rows: int
    referrals: int
    children: int
    clusters: int
    imputations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FurtherEffect:
    """An effect beside the coefficients: on the probability scale, or bootstrapped.

    A standard error that the method does not give is NaN.
    """

    regression: str
    what: str
    term: str
    estimate: float
    standard_error: float
    p_value: float
    lower: float
    upper: float
    level: float
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedAnalysis:
    """What the published analysis gives on matched children.

    Attributes
    ----------
    fits
        By regression, in the analysis's order; the first is the main one.
    serial, leads
        The Breusch-Godfrey test of the main regression; the leads, None without a
        leads-and-lags regression.
    decisions
        The branches that the protocol's rules take.
    further
        Average marginal effects of logistic regressions; bootstrapped effects, if asked for.
    numbers
        Printed numbers of Tables 4 to 7 beside the replicated ones.
    rates
        By year, from the main regression; empty if it failed.
    """

    fits: tuple[tuple[Regression, DidFit], ...]
    serial: BreuschGodfrey
    leads: LeadsTest | None
    decisions: tuple[Decision, ...]
    further: tuple[FurtherEffect, ...]
    numbers: tuple[Replicated, ...]
    rates: tuple[YearRate, ...]

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the regressions without an estimate."""
        return tuple(regression.name for regression, fit in self.fits if fit.failure is not None)


def published_analysis(
    matched: pd.DataFrame,
    analysis: ChildrenAnalysis,
    *,
    correction: Correction | None = None,
    bootstrap: int | None = None,
    imputed: bool = True,
    progress: Watch = lambda _: None,
) -> PublishedAnalysis:
    """The regressions of an analysis on matched referrals, and what follows from them.

    Parameters
    ----------
    correction
        Of clustered errors; the analysis's if not given.
    bootstrap
        Draws of the wild cluster bootstrap of the DiD in linear regressions clustered on
        authorities; none if not given.
    imputed
        Whether the covariates that the analysis leaves to imputation are imputed; otherwise
        missing stands as a level.

    Raises
    ------
    BadInput
        What `terms.design` or a test cannot use.
    """
    filled = impute(matched, analysis) if imputed else None
    # What is not fitted to each imputed table is computed on the first of them.
    rows = matched if filled is None else filled.completed(0)
    asked = analysis if filled is None else filled.analysis
    fits = []
    for regression in analysis.regressions.columns:
        progress(regression.name)
        fits.append((regression, _fitted(matched, analysis, regression, filled, correction)))
    progress("tests")
    main, main_fit = fits[0]
    serial = breusch_godfrey(rows, asked, main, once=True)
    leads = _leads(fits, analysis.regressions.level)
    decisions = [choose_model(matched, analysis), choose_errors(serial, analysis)]
    decisions += [judge_trends(leads)] if leads is not None else []
    further = list(_marginal(fits, rows, asked))
    if bootstrap is not None:
        progress("bootstrap")
        further += _bootstrapped(fits, rows, asked, bootstrap)
    tested = assumption_numbers(
        analysis,
        p_value=serial.p_value,
        not_significant=math.nan if leads is None else leads.not_significant,
        leads=0 if leads is None else len(leads.leads),
    )
    return PublishedAnalysis(
        fits=tuple(fits),
        serial=serial,
        leads=leads,
        decisions=tuple(decisions),
        further=tuple(further),
        numbers=(*tested, *r_squared(fits), *coefficients(fits)),
        rates=()
        if main_fit.failure is not None
        else counterfactual_rates(main_fit, rows, asked, main, level=LEVEL),
    )


def term_rows(found: PublishedAnalysis) -> Iterator[TermRow]:
    """Every term of every regression that has an estimate."""
    for regression, fitted in found.fits:
        if fitted.failure is not None:
            continue
        for term, row in fitted.table(LEVEL).iterrows():
            yield TermRow(
                regression=regression.name,
                model=regression.model,
                term=str(term),
                coefficient=float(row["coefficient"]),
                standard_error=float(row["standard_error"]),
                degrees_of_freedom=float(row["degrees_of_freedom"]),
                p_value=float(row["p_value"]),
                lower=float(row["lower"]),
                upper=float(row["upper"]),
                level=LEVEL,
                errors=fitted.errors,
                rows=fitted.rows,
                referrals=fitted.referrals,
                children=fitted.children,
                clusters=fitted.clusters or 0,
                imputations=fitted.imputations,
            )


def _fitted(
    matched: pd.DataFrame,
    analysis: ChildrenAnalysis,
    regression: Regression,
    filled: Imputations | None,
    correction: Correction | None,
) -> DidFit:
    """A fit; one whose random effects cannot be had says so in its place in the table."""
    if filled is None:
        return fit(matched, analysis, regression, correction=correction)
    return fit_imputed(filled, regression, correction=correction)


def _leads(fits: Sequence[tuple[Regression, DidFit]], level: float) -> LeadsTest | None:
    for regression, fitted in fits:
        if regression.treatment == "leads and lags" and fitted.failure is None:
            return leads_test(fitted, level)
    return None


def _marginal(
    fits: Sequence[tuple[Regression, DidFit]], matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> Iterator[FurtherEffect]:
    from scipy.special import stdtr, stdtrit

    for regression, fitted in fits:
        if regression.model != "logistic" or fitted.failure is not None:
            continue
        for each in average_marginal_effects(fitted, matched, analysis, regression):
            freedom = each.degrees_of_freedom
            reach = float(stdtrit(freedom, (1 + LEVEL) / 2)) * each.standard_error
            yield FurtherEffect(
                regression=regression.name,
                what="average marginal effect (probability)",
                term=each.term,
                estimate=each.effect,
                standard_error=each.standard_error,
                p_value=2 * float(stdtr(freedom, -abs(each.effect / each.standard_error))),
                lower=each.effect - reach,
                upper=each.effect + reach,
                level=LEVEL,
                rows=each.rows,
            )


def _bootstrapped(
    fits: Sequence[tuple[Regression, DidFit]],
    matched: pd.DataFrame,
    analysis: ChildrenAnalysis,
    draws: int,
) -> Iterator[FurtherEffect]:
    """The DiD of every linear regression that has one and is clustered on authorities.

    Raises
    ------
    BadInput
        There is none.
    """
    wanted = [
        (regression, fitted)
        for regression, fitted in fits
        if regression.model == "linear"
        and regression.cluster == "authority"
        and regression.authorities != "random"
        and DID in fitted.terms
    ]
    if not wanted:
        found = "no linear regression with a DiD, clustered on authorities"
        raise BadInput(analysis.name, "regressions.columns", found, "one to be bootstrapped")
    for regression, fitted in wanted:
        each = wild_bootstrap(matched, analysis, regression, DID, level=LEVEL, draws=draws)
        yield FurtherEffect(
            regression=regression.name,
            what=f"wild cluster bootstrap, {each.draws} draws",
            term=DID,
            estimate=each.estimate,
            standard_error=math.nan,
            p_value=each.p_value,
            lower=each.lower,
            upper=each.upper,
            level=each.level,
            rows=fitted.rows,
        )
