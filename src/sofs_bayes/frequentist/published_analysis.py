"""The whole published analysis on matched children: fits, tests, rules, printed numbers."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from sofs_bayes.errors import BadInput
from sofs_bayes.frequentist.assumptions import (
    BreuschGodfrey,
    LeadsTest,
    breusch_godfrey,
    leads_test,
)
from sofs_bayes.frequentist.clustering import Correction
from sofs_bayes.frequentist.counterfactual import (
    YearRate,
    average_marginal_effects,
    counterfactual_rates,
)
from sofs_bayes.frequentist.decisions import Decision, choose_errors, choose_model, judge_trends
from sofs_bayes.frequentist.did import DidFit, fit
from sofs_bayes.frequentist.imputation import Imputations, fit_imputed, impute
from sofs_bayes.frequentist.replication import (
    Replicated,
    assumption_numbers,
    coefficients,
    r_squared,
)
from sofs_bayes.frequentist.term import DID, WITHIN, find_term
from sofs_bayes.frequentist.terms import design
from sofs_bayes.frequentist.wild_bootstrap import (
    BOOTSTRAP,
    DRAWS,
    has_bootstrap,
    terms_to_bootstrap,
    wild_bootstrap,
)
from sofs_bayes.spec import ChildrenAnalysis, Regression
from sofs_bayes.spec.study import of_report

LEVEL = 0.95

Watch = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TermRow:
    """One term of a fitted regression, on the model's scale.

    `clusters` is 0 where errors are not clustered; `errors` says how they were made; `note` why
    there are none. A regression without an estimate has one row, without a term, whose `note`
    says why.
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
    note: str = ""


Method = Literal["marginal effect", "wild bootstrap"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FurtherEffect:
    """An effect beside the coefficients: on the probability scale, or bootstrapped.

    `what` says the same as `method`, in words for readers and with its details. A standard
    error that the method does not give is NaN. `note` says why the regression has no
    errors, or p-values, of its own.
    """

    regression: str
    method: Method
    what: str
    term: str
    estimate: float
    standard_error: float
    p_value: float
    lower: float
    upper: float
    level: float
    rows: int
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedAnalysis:
    """What the published analysis gives on matched children.

    Attributes
    ----------
    fits
        By regression, in the analysis's order; the first is the main one.
    within
        The printed columns with an effect once more, with authorities' fixed effects.
    serial, leads
        The Breusch-Godfrey test of the main regression; the leads, None without a
        leads-and-lags regression. A sentence says why a test cannot be had.
    decisions
        The branches that the protocol's rules take; none in another study than the report's.
    further
        Average marginal effects of logistic regressions; bootstrapped effects, if asked for or
        where clusters are too few for errors.
    numbers
        Printed numbers of Tables 4 to 7 beside the replicated ones; none in another study.
    rates
        By year, from the main regression; empty if it failed.
    """

    fits: tuple[tuple[Regression, DidFit], ...]
    within: tuple[tuple[Regression, DidFit], ...]
    serial: BreuschGodfrey | str
    leads: LeadsTest | str | None
    decisions: tuple[Decision, ...]
    further: tuple[FurtherEffect, ...]
    numbers: tuple[Replicated, ...]
    rates: tuple[YearRate, ...]

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the regressions without an estimate."""
        return tuple(regression.name for regression, fit in self.fits if fit.failure is not None)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know: regressions without an estimate or p-values, missing tests."""
        tests = {"Breusch-Godfrey test": self.serial, "Leads": self.leads}
        said: dict[str, list[str]] = {}
        for regression, fitted in self.fits:
            said.setdefault(fitted.note, []).append(regression.name)
        of_fits = [f"{', '.join(names)}: {note}." for note, names in said.items() if note]
        return (*of_fits, *(f"{k}: {why}." for k, why in tests.items() if isinstance(why, str)))


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
    matched
        As `read_matched` gives it.
    analysis
        That of children's records.
    correction
        Of clustered errors; the analysis's if not given.
    bootstrap
        Draws of the wild cluster bootstrap of the DiD in linear regressions clustered on
        authorities; none if not given.
    imputed
        Whether the covariates that the analysis leaves to imputation are imputed; otherwise
        missing stands as a level.
    progress
        Told which regression is fitted, a line each.

    Returns
    -------
    PublishedAnalysis
        Regressions with estimates and standard errors on the outcome's scale (shares, or
        log-odds), and decision rules.

    Raises
    ------
    BadInput
        What `terms.design` cannot use; an outcome that all referrals have or none; no regression
        with an estimate.

    Examples
    --------
    >>> analysis = sb.load("icpc-children")
    >>> frame = sb.read_matched(sb.matched_file("matched"), analysis)
    >>> found = sb.published_analysis(frame, analysis)
    """
    _check_outcome(matched)
    filled = impute(matched, analysis) if imputed else None
    # What is not fitted to each imputed table is computed on the first of them.
    rows = matched if filled is None else filled.completed(0)
    asked = analysis if filled is None else filled.analysis
    fits = []
    for regression in analysis.regressions.columns:
        progress(regression.name)
        fits.append((regression, _fitted(matched, analysis, regression, filled, correction)))
    _check_some(fits)
    progress("within authorities")
    within = list(_within(matched, analysis, fits, filled, correction))
    main, main_fit = fits[0]
    progress("tests")
    serial = breusch_godfrey(rows, asked, main, once=True)
    leads = _leads(fits, analysis.regressions.level)
    further = list(_marginal(fits, rows, asked))
    if bootstrap is not None:
        progress("bootstrap")
    further += _bootstrapped(fits, rows, asked, bootstrap)
    return PublishedAnalysis(
        fits=tuple(fits),
        within=tuple(within),
        serial=serial,
        leads=leads,
        decisions=tuple(_decisions(matched, analysis, serial, leads)),
        further=tuple(further),
        numbers=_numbers(analysis, fits, serial, leads),
        rates=()
        if main_fit.failure is not None
        else counterfactual_rates(main_fit, rows, asked, main, level=LEVEL),
    )


def within_authorities(regression: Regression) -> Regression:
    """A printed column with fixed effects of authorities, errors clustered on them."""
    name = f"{regression.name}{WITHIN}"
    return replace(regression, name=name, table=None, authorities="fixed", cluster="authority")


def _decisions(
    matched: pd.DataFrame,
    analysis: ChildrenAnalysis,
    serial: BreuschGodfrey | str,
    leads: LeadsTest | str | None,
) -> Iterator[Decision]:
    if not of_report(analysis):
        return
    yield choose_model(matched, analysis)
    if not isinstance(serial, str):
        yield choose_errors(serial, analysis)
    if isinstance(leads, LeadsTest):
        yield judge_trends(leads)


def _numbers(
    analysis: ChildrenAnalysis,
    fits: Sequence[tuple[Regression, DidFit]],
    serial: BreuschGodfrey | str,
    leads: LeadsTest | str | None,
) -> tuple[Replicated, ...]:
    if not of_report(analysis):
        return ()
    return (
        *assumption_numbers(analysis, serial=serial, leads=leads),
        *r_squared(fits),
        *coefficients(fits),
    )


def term_rows(found: PublishedAnalysis) -> Iterator[TermRow]:
    """Every term of every regression; a row without a term for one without an estimate."""
    for regression, fitted in (*found.fits, *found.within):
        table = fitted.table(LEVEL)
        if fitted.failure is not None:
            table = pd.DataFrame(np.nan, index=[""], columns=table.columns)
        for term, row in table.iterrows():
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
                note=fitted.note,
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


def _within(
    matched: pd.DataFrame,
    analysis: ChildrenAnalysis,
    fits: Sequence[tuple[Regression, DidFit]],
    filled: Imputations | None,
    correction: Correction | None,
) -> Iterator[tuple[Regression, DidFit]]:
    """The printed columns with authorities' fixed effects, where rows are enough for these."""
    for regression, found in fits:
        if regression.table and found.failure is None:
            fixed = within_authorities(regression)
            with suppress(BadInput):
                yield fixed, _fitted(matched, analysis, fixed, filled, correction)


def _check_outcome(matched: pd.DataFrame) -> None:
    share = matched["outcome"].mean() if len(matched) else 0.0
    if not 0 < share < 1:
        found = "every referral with the outcome" if share else "no referral with the outcome"
        raise BadInput("matched referrals", "outcome", found, "referrals with it and without")


def _check_some(fits: Sequence[tuple[Regression, DidFit]]) -> None:
    main, main_fit = fits[0]
    if all(fitted.failure for _, fitted in fits):
        allowed = "a regression that has an estimate"
        raise BadInput("matched referrals", main.name, main_fit.note, allowed)


def _leads(fits: Sequence[tuple[Regression, DidFit]], level: float) -> LeadsTest | str | None:
    """The leads of the first regression that has p-values for them; or why there are none."""
    why = None
    for regression, fitted in fits:
        if regression.treatment != "leads and lags":
            continue
        known = ~np.isnan(fitted.p_values)
        if any(find_term(name).is_lead for name in np.array(fitted.terms)[known]):
            return leads_test(fitted, level)
        lacking = "has no p-values" if fitted.note else "has none on these rows"
        why = why or f"not tested, as {regression.name!r} {lacking}"
    return why


def _marginal(
    fits: Sequence[tuple[Regression, DidFit]], matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> Iterator[FurtherEffect]:
    from scipy.special import stdtr, stdtrit

    for regression, fitted in fits:
        if regression.model != "logistic" or fitted.failure is not None:
            continue
        for each in average_marginal_effects(fitted, matched, analysis, regression):
            freedom, error = each.degrees_of_freedom, each.standard_error
            reach = float(stdtrit(freedom, (1 + LEVEL) / 2)) * error
            statistic = each.effect / error if error > 0 else math.nan
            yield FurtherEffect(
                regression=regression.name,
                method="marginal effect",
                what="average marginal effect (probability)",
                term=each.term,
                estimate=each.effect,
                standard_error=error,
                p_value=2 * float(stdtr(freedom, -abs(statistic))),
                lower=each.effect - reach,
                upper=each.effect + reach,
                level=LEVEL,
                rows=each.rows,
                note=fitted.note,
            )


def _bootstrapped(
    fits: Sequence[tuple[Regression, DidFit]],
    matched: pd.DataFrame,
    analysis: ChildrenAnalysis,
    draws: int | None,
) -> Iterator[FurtherEffect]:
    """Effects of linear regressions that are clustered on authority.

    If `draws` are asked for, the DiD; where clusters are too few for errors, all effects that a
    bootstrap is of use for.

    Raises
    ------
    BadInput
        A bootstrap is asked for, and no regression can have one.
    """
    able = [each.name for each, fitted in fits if has_bootstrap(each) and DID in fitted.terms]
    if draws is not None and not able:
        found = "no linear regression with a DiD, clustered on authorities"
        raise BadInput(analysis.name, "regressions.columns", found, "one to be bootstrapped")
    for regression, fitted in fits:
        wanted: tuple[str, ...] = ()
        if fitted.caution is not None:
            wanted = terms_to_bootstrap(design(matched, analysis, regression), regression)
        elif draws is not None and regression.name in able and fitted.failure is None:
            wanted = (DID,)
        for term in wanted:
            each = wild_bootstrap(
                matched, analysis, regression, term, level=LEVEL, draws=draws or DRAWS
            )
            yield FurtherEffect(
                regression=regression.name,
                method="wild bootstrap",
                what=f"{BOOTSTRAP}, {each.draws} draws",
                term=term,
                estimate=each.estimate,
                standard_error=math.nan,
                p_value=each.p_value,
                lower=each.lower,
                upper=each.upper,
                level=each.level,
                rows=fitted.rows,
                note=fitted.note,
            )
