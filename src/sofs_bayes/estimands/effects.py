"""Draws of effects as one labelled array → intervals and probabilities, draw by draw.

An interval or a probability is taken from the draws of the effect itself, never from those
of coefficients that are transformed afterwards.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from math import isnan
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from sofs_bayes.estimands.rows import (
    EffectRow,
    Label,
    MonteCarloRow,
    ProbabilityRow,
    ShrinkageRow,
    columns_of,
    statement_text,
)
from sofs_bayes.spec import Estimands, Statement
from sofs_bayes.spec.keys import AFTER, NEW, POOLED, Estimand

Floats = npt.NDArray[np.float64]

KEYS = tuple(each.name for each in fields(Estimand))


@dataclass(frozen=True, slots=True, eq=False)
class Effects(Mapping[Estimand, xr.DataArray]):
    """The effects of a fit; also a mapping from each estimand to its draws (chain, draw).

    Attributes
    ----------
    array
        Draws, dims (chain, draw, effect), with the fields of `Estimand` as coordinates of
        `effect`; `year` and `rating` are NaN where an estimand has none.
    """

    array: xr.DataArray

    @classmethod
    def of(cls, draws: Mapping[Estimand, xr.DataArray]) -> "Effects":
        """From draws of each, dims (chain, draw)."""
        first = next(iter(draws.values())).transpose("chain", "draw")
        values = [each.transpose("chain", "draw").to_numpy() for each in draws.values()]
        labels = {name: [getattr(each, name) for each in draws] for name in KEYS}
        for name in ("year", "rating"):
            labels[name] = [np.nan if each is None else float(each) for each in labels[name]]
        coords = {name: ("effect", each) for name, each in labels.items()}
        return cls(
            xr.DataArray(
                np.stack(values, axis=-1),
                dims=("chain", "draw", "effect"),
                coords={name: first[name].to_numpy() for name in first.coords if name in first.dims}
                | coords,
                name="effects",
            )
        )

    @property
    def questions(self) -> tuple[Estimand, ...]:
        """The estimand of each place along `effect`."""
        labels = {name: self.array[name].to_numpy().tolist() for name in KEYS}
        for name, kind in (("year", int), ("rating", float)):
            labels[name] = [None if isnan(each) else kind(each) for each in labels[name]]
        return tuple(
            Estimand(**dict(zip(KEYS, each, strict=True)))
            for each in zip(*(labels[name] for name in KEYS), strict=True)
        )

    @property
    def labelled(self) -> xr.DataArray:
        """The draws with what each effect is called as labels along `effect`."""
        names = [f"{each}, {each.target}, {each.scale}" for each in self.questions]
        return self.array.assign_coords(effect=names)

    def choose(self, wanted: Callable[[Estimand], bool]) -> "Effects":
        """Those that are wanted."""
        places = [i for i, each in enumerate(self.questions) if wanted(each)]
        return Effects(self.array.isel(effect=places))

    def __getitem__(self, estimand: Estimand) -> xr.DataArray:
        """Draws of one, dims (chain, draw)."""
        places = {each: i for i, each in enumerate(self.questions)}
        return self.array.isel(effect=places[estimand]).drop_vars(KEYS)

    def __iter__(self) -> Iterator[Estimand]:
        return iter(self.questions)

    def __len__(self) -> int:
        return self.array.sizes["effect"]


def interval_of(draws: xr.DataArray, estimands: Estimands) -> tuple[Floats, Floats]:
    """Lower and upper ends of the declared interval of draws (chain, draw, …), shape (…)."""
    import arviz_stats as azs

    ends = {"eti": azs.eti, "hdi": azs.hdi}[estimands.interval](draws, prob=estimands.level)
    return ends.sel(ci_bound="lower").to_numpy(), ends.sel(ci_bound="upper").to_numpy()


def half_of(draws: xr.DataArray, estimands: Estimands) -> tuple[Floats, Floats]:
    """As `interval_of`, of the interval that holds half of the probability."""
    return interval_of(draws, replace(estimands, level=0.5))


def effect_rows(effects: Effects, estimands: Estimands, label: Label) -> list[EffectRow]:
    """Mean, median, sd and intervals of each effect, with the intervals' kind and the level."""
    draws, over = effects.array, ("chain", "draw")
    mean, median, sd = draws.mean(over), draws.median(over), draws.std(over, ddof=1)
    lower, upper = interval_of(draws, estimands)
    lower_50, upper_50 = half_of(draws, estimands)
    return [
        EffectRow(
            **columns_of(question, label),
            mean=float(mean[i]),
            median=float(median[i]),
            sd=float(sd[i]),
            lower=float(lower[i]),
            upper=float(upper[i]),
            level=estimands.level,
            interval=estimands.interval,
            lower_50=float(lower_50[i]),
            upper_50=float(upper_50[i]),
        )
        for i, question in enumerate(effects)
    ]


def monte_carlo_rows(effects: Effects, estimands: Estimands) -> list[MonteCarloRow]:
    """Monte Carlo standard errors of what `effect_rows` says of each effect."""
    import arviz_stats as azs

    def error(**how: Any) -> Floats:
        found: Floats = azs.mcse(effects.array, **how).to_numpy()
        return found

    tail = (1.0 - estimands.level) / 2.0
    mean, median = error(method="mean"), error(method="median")
    lower = upper = np.full(len(effects), np.nan)
    if estimands.interval == "eti":
        lower, upper = (error(method="quantile", prob=p) for p in (tail, 1.0 - tail))
    return [
        MonteCarloRow(
            **asdict(question),
            mcse_mean=float(mean[i]),
            mcse_median=float(median[i]),
            mcse_lower=float(lower[i]),
            mcse_upper=float(upper[i]),
        )
        for i, question in enumerate(effects)
    ]


def holds(draws: xr.DataArray, statement: Statement) -> xr.DataArray:
    """Whether the statement holds, draw by draw; `draws` are on the statement's scale."""
    if statement.above is not None:
        return draws > statement.above
    if statement.below is not None:
        return draws < statement.below
    assert statement.within is not None
    return (draws >= statement.within[0]) & (draws <= statement.within[1])


def probability_rows(effects: Effects, estimands: Estimands, label: Label) -> list[ProbabilityRow]:
    """The probability of every statement about every effect on its scale, with its MCSE."""
    rows = []
    for question, draws in effects.choose(lambda each: each.is_effect).items():
        for statement in estimands.claims:
            if statement.scale == question.scale:
                chance = holds(draws, statement)
                rows.append(_probability_row(question, label, statement_text(statement), chance))
    return rows


def largest_pilot_rows(effects: Effects, label: Label) -> list[ProbabilityRow]:
    """For each pilot the probability that its risk difference is the largest of all pilots'."""
    pilots = effects.choose(
        lambda each: each.role == AFTER and each.is_of_risk and each.target not in (POOLED, NEW)
    )
    if len(pilots) < 2:
        return []
    winner = pilots.array.argmax("effect")
    said = "largest of the pilots' effects"
    return [_probability_row(each, label, said, winner == i) for i, each in enumerate(pilots)]


def _probability_row(
    question: Estimand, label: Label, statement: str, truth: xr.DataArray
) -> ProbabilityRow:
    probability, mcse = probability_of(truth)
    return ProbabilityRow(
        **columns_of(question, label), statement=statement, probability=probability, mcse=mcse
    )


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


def shrinkage_rows(pooled: Effects, unpooled: Effects, estimands: Estimands) -> list[ShrinkageRow]:
    """Each pilot's effect after settling-in, by itself and partially pooled.

    On the risk scale and, where there is one, in log-odds.

    Parameters
    ----------
    pooled, unpooled
        `did_effects` of fits with pilots partially pooled, and with no pooling; pilots
        that only one of them has are left out.
    estimands
        The interval's kind and level.
    """
    alone, both = dict(unpooled), set(unpooled)
    return [
        _shrinkage(question, partial, dict(pooled), alone[question], estimands)
        for question, partial in pooled.choose(_of_pilot).items()
        if question in both
    ]


def _of_pilot(question: Estimand) -> bool:
    single = question.role == AFTER and question.target not in (POOLED, NEW)
    return single and (question.is_of_risk or question.scale == "log-odds")


def _shrinkage(
    question: Estimand,
    partial: xr.DataArray,
    answers: dict[Estimand, xr.DataArray],
    unpooled: xr.DataArray,
    estimands: Estimands,
) -> ShrinkageRow:
    import arviz_stats as azs

    pooled = answers[Estimand(role=AFTER, scale=question.scale)]
    alone, together = float(unpooled.median()), float(pooled.median())
    error = np.hypot(azs.mcse(unpooled, method="median"), azs.mcse(pooled, method="median"))
    apart = abs(alone - together) > float(error)
    lower, upper = interval_of(partial, estimands)
    unpooled_lower, unpooled_upper = interval_of(unpooled, estimands)
    halves = [float(end) for each in (unpooled, partial) for end in half_of(each, estimands)]
    median = float(partial.median())
    return ShrinkageRow(
        target=question.target,
        scale=question.scale,
        unpooled_median=alone,
        unpooled_lower=float(unpooled_lower),
        unpooled_upper=float(unpooled_upper),
        median=median,
        lower=float(lower),
        upper=float(upper),
        pooled_median=together,
        shrinkage=(alone - median) / (alone - together) if apart else float("nan"),
        level=estimands.level,
        interval=estimands.interval,
        unpooled_lower_50=halves[0],
        unpooled_upper_50=halves[1],
        lower_50=halves[2],
        upper_50=halves[3],
    )
