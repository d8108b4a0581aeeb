"""Draws of effects → intervals and probabilities, draw by draw.

An interval or a probability is taken from the draws of the effect itself, never from those
of coefficients that are transformed afterwards.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import xarray as xr

from sofs_bayes.estimands.rows import (
    AFTER,
    NEW,
    POOLED,
    EffectRow,
    Label,
    ProbabilityRow,
    statement_text,
)
from sofs_bayes.spec import Estimands, Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimand:
    """A question on a stated scale: which effect, in whom, measured how."""

    estimand: str
    target: str
    scale: str


Answers = Mapping[Estimand, xr.DataArray]


def together(answers: Answers) -> xr.Dataset:
    """Effects as one array, `effects` (chain, draw, effect), labelled by what they are."""
    labels = {
        name: ("effect", [getattr(question, name) for question in answers])
        for name in ("estimand", "target", "scale")
    }
    draws = [each.reset_coords(drop=True) for each in answers.values()]
    return xr.Dataset({"effects": xr.concat(draws, dim="effect")}, coords=labels)


def apart(effects: xr.Dataset) -> dict[Estimand, xr.DataArray]:
    """The same by what they are, each (chain, draw)."""
    names = ("estimand", "target", "scale")
    labels = zip(*(effects[name].to_numpy().tolist() for name in names), strict=True)
    draws = effects["effects"].drop_vars(names).transpose("effect", "chain", "draw")
    return {
        Estimand(estimand=estimand, target=target, scale=scale): draws[i]
        for i, (estimand, target, scale) in enumerate(labels)
    }


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
