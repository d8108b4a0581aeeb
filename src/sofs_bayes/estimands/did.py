"""Draws → effects on a stated scale → intervals and probabilities, draw by draw.

An interval or a probability is taken from the draws of the effect itself, never from those
of coefficients that are transformed afterwards.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy import special

from sofs_bayes.bayes.did_arrays import AFTER, DidArrays, used_terms
from sofs_bayes.bayes.did_draws import pilot_change
from sofs_bayes.estimands.rows import (
    NEW,
    POOLED,
    EffectRow,
    Label,
    ProbabilityRow,
    statement_text,
)
from sofs_bayes.spec import Estimands, Scale, Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimand:
    """A question on a stated scale: which effect, in whom, measured how."""

    estimand: str
    target: str
    scale: str


Answers = Mapping[Estimand, xr.DataArray]


def did_effects(
    posterior: xr.Dataset, arrays: DidArrays, *, seed: int
) -> dict[Estimand, xr.DataArray]:
    """The effects of a hierarchical DiD, each a DataArray (chain, draw).

    Pooled: the change in risk averaged over treated children after settling-in (cells weigh
    by their denominator), and the same average of the change in log-odds. Each pilot's: the
    same over its own cells. A new authority's: a new draw of its deviation, on the pilots'
    untreated risks. Event studies give the pooled effects per year since settling-in; leads
    are given too, over the pilots' cells in those years.

    Parameters
    ----------
    posterior
        Draws of the model's parameters, with `cell_logit`.
    arrays
        The counts that were fitted; a pilot whose counts were left out is not reported.
    seed
        Of the new authority's deviations.
    """
    pilots = list(arrays.pilots)
    change = pilot_change(posterior, arrays)
    after = posterior["cell_logit"].sel(authority=pilots).rename(authority="pilot")
    children = xr.DataArray(
        arrays.denominators[: len(pilots)],
        dims=("pilot", "year"),
        coords={"pilot": pilots, "year": list(arrays.years)},
    )
    risk = expit(after) - expit(after - change)
    answers: dict[Estimand, xr.DataArray] = {}
    for term in used_terms(arrays):
        name = f"effect {AFTER}" if term == AFTER else f"effect in year {term}"
        applies = xr.DataArray(
            arrays.term_design[:, :, arrays.terms.index(term)],
            dims=("pilot", "year"),
            coords=children.coords,
        )
        weight = children * applies
        if float(weight.sum()) == 0:  # a term of pilots that were left out
            continue
        answers |= _averages(name, POOLED, risk, change, weight)
        if term != AFTER:
            continue
        for pilot in pilots:
            own = weight.sel(pilot=pilot)
            if float(own.sum()) > 0:
                answers |= _averages(
                    name, pilot, risk.sel(pilot=pilot), change.sel(pilot=pilot), own
                )
        answers |= _new_authority(name, posterior, after - change, weight, seed)
        if "pilot_effect_sd" in posterior:
            key = Estimand(estimand="spread between pilots", target=POOLED, scale="log-odds")
            answers[key] = posterior["pilot_effect_sd"]
    return answers


def _averages(
    name: str, target: str, risk: xr.DataArray, change: xr.DataArray, weight: xr.DataArray
) -> dict[Estimand, xr.DataArray]:
    """Averages of the change in risk and in log-odds, weighted over the weight's dims."""
    over, total = list(weight.dims), float(weight.sum())
    log_odds = (change * weight).sum(over) / total
    on: dict[Scale, xr.DataArray] = {
        "risk": (risk * weight).sum(over) / total,
        "log-odds": log_odds,
        "odds ratio": xr.apply_ufunc(np.exp, log_odds),
    }
    return {Estimand(estimand=name, target=target, scale=s): d for s, d in on.items()}


def _new_authority(
    name: str, posterior: xr.Dataset, untreated: xr.DataArray, weight: xr.DataArray, seed: int
) -> dict[Estimand, xr.DataArray]:
    effect = posterior["effect"].sel(term=AFTER, drop=True)
    if "pilot_effect_sd" in posterior:
        noise = np.random.default_rng(seed).standard_normal(effect.shape)
        effect = effect + posterior["pilot_effect_sd"] * noise
    risk = expit(untreated + effect) - expit(untreated)
    return _averages(name, NEW, risk, xr.zeros_like(untreated) + effect, weight)


def expit(logit: xr.DataArray) -> xr.DataArray:
    """The inverse of the log-odds."""
    risk: xr.DataArray = xr.apply_ufunc(special.expit, logit)
    return risk


def holds(draws: xr.DataArray, statement: Statement) -> xr.DataArray:
    """Whether the statement holds, draw by draw; `draws` are on the statement's scale."""
    if statement.above is not None:
        return draws > statement.above
    if statement.below is not None:
        return draws < statement.below
    assert statement.within is not None
    return (draws >= statement.within[0]) & (draws <= statement.within[1])


def effect_rows(answers: Answers, estimands: Estimands, label: Label) -> list[EffectRow]:
    """Mean, median, sd and interval of each answer, with the interval's kind and level."""
    import arviz_stats as azs

    interval = {"eti": azs.eti, "hdi": azs.hdi}[estimands.interval]
    rows = []
    for question, draws in answers.items():
        bounds = interval(draws, prob=estimands.level)
        rows.append(
            EffectRow(
                estimand=question.estimand,
                target=question.target,
                scale=question.scale,
                prior=label.prior,
                variant=label.variant,
                evidence=label.evidence,
                mean=float(draws.mean()),
                median=float(draws.median()),
                sd=float(draws.std(ddof=1)),
                lower=float(bounds.sel(ci_bound="lower")),
                upper=float(bounds.sel(ci_bound="upper")),
                level=estimands.level,
                interval=estimands.interval,
                status=label.status,
            )
        )
    return rows


def probability_rows(answers: Answers, estimands: Estimands, label: Label) -> list[ProbabilityRow]:
    """The probability of every statement about every effect on its scale, with its MCSE."""
    rows = []
    for question, draws in answers.items():
        if not question.estimand.startswith("effect"):
            continue
        for statement in estimands.claims:
            if statement.scale != question.scale:
                continue
            probability, mcse = probability_of(holds(draws, statement))
            rows.append(
                ProbabilityRow(
                    estimand=question.estimand,
                    target=question.target,
                    scale=question.scale,
                    prior=label.prior,
                    variant=label.variant,
                    evidence=label.evidence,
                    statement=statement_text(statement),
                    probability=probability,
                    mcse=mcse,
                    status=label.status,
                )
            )
    return rows


def probability_of(truth: xr.DataArray) -> tuple[float, float]:
    """The share of draws (chain, draw) in which something is true, and its Monte Carlo error.

    The error is NaN where all draws agree: they cannot tell how far from 0 or 1 it is.
    """
    import arviz_stats as azs

    share = truth.astype(float)
    probability = float(share.mean())
    if probability in (0.0, 1.0):
        return probability, float("nan")
    return probability, float(azs.mcse(share))


def largest_pilot_rows(answers: Answers, label: Label) -> list[ProbabilityRow]:
    """For each pilot the probability that its risk difference is the largest of all pilots'."""
    pilots = {
        question.target: draws
        for question, draws in answers.items()
        if question.scale == "risk"
        and question.estimand == f"effect {AFTER}"
        and question.target not in (POOLED, NEW)
    }
    if len(pilots) < 2:
        return []
    together = xr.concat(list(pilots.values()), dim="pilot", coords="minimal", compat="override")
    winner = together.argmax("pilot")
    rows = []
    for position, name in enumerate(pilots):
        probability, mcse = probability_of(winner == position)
        rows.append(
            ProbabilityRow(
                estimand=f"effect {AFTER}",
                target=name,
                scale="risk",
                prior=label.prior,
                variant=label.variant,
                evidence=label.evidence,
                statement="largest of the pilots' effects",
                probability=probability,
                mcse=mcse,
                status=label.status,
            )
        )
    return rows
