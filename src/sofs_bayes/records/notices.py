"""What is noticed in counts per authority and year: gaps, jumps, rounding."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from sofs_bayes.spec import OpenCounts

if TYPE_CHECKING:
    import xarray as xr

Kind = Literal[
    "above denominator",
    "code changed",
    "code filled in",
    "file not used",
    "indicator in two files",
    "indicators unknown",
    "interpolated",
    "joint row",
    "left out",
    "may be cut off",
    "missing",
    "name changed",
    "name shared",
    "national total",
    "no denominator",
    "not an authority",
    "not observed in every year",
    "recording break",
    "rounded",
    "symbol",
    "vintage",
]

UNOBSERVED: Kind = "not observed in every year"

# Chance of so many multiples of 5 (or 10) among counts that are not rounded, below which they
# are called rounded: several hundred such chances are taken on a panel.
ROUNDED_BY_CHANCE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Notice:
    """Something noticed while reading: its kind, whom, when and which file it is about.

    `authority` and `file` are "" and `year` is 0 where a notice is about no one in particular.
    """

    kind: Kind
    authority: str = ""
    year: int = 0
    file: str = ""
    detail: str


def notices_of_counts(counts: "xr.Dataset", settings: OpenCounts) -> list[Notice]:
    """What counts call for by themselves, given dims (authority, year)."""
    return [
        *_gaps(counts),
        *_breaks(counts, settings.jump_factor),
        *_rounded_years(counts, settings),
        *_rounded_authorities(counts),
    ]


def _gaps(counts: "xr.Dataset") -> list[Notice]:
    notices = []
    empty = (counts["denominator"] == 0).values
    observed = counts["events"].notnull().values & (counts["denominator"] > 0).values
    for i, name in enumerate(counts["authority"].values):
        years = counts["year"].values
        gaps = ", ".join(str(year) for year in years[~observed[i]])
        if gaps:
            kind: Kind = UNOBSERVED
            notices.append(Notice(kind=kind, authority=str(name), detail=f"without {gaps}"))
        for year in years[empty[i]]:
            notices.append(
                Notice(
                    kind="no denominator",
                    authority=str(name),
                    year=int(year),
                    detail="the denominator is 0, so there is no rate",
                )
            )
    return notices


def _breaks(counts: "xr.Dataset", factor: float) -> list[Notice]:
    """Rates that change by more than a factor within a year; the later year is named.

    Half an event and half a non-event are added, so that a rate of 0 has no infinite factor.
    """
    events, denominators = counts["events"].values, counts["denominator"].values
    with np.errstate(invalid="ignore"):
        rates = np.where(denominators > 0, (events + 0.5) / (denominators + 1), np.nan)
        change = np.abs(np.diff(np.log(rates), axis=1))
        change[:, np.diff(counts["year"].values) > 1] = np.nan  # years without counts between
        jumps = np.argwhere(change > math.log(factor))
    notices = []
    for i, t in jumps:
        before, after = (_rate_in_words(events[i, s], denominators[i, s]) for s in (t, t + 1))
        notices.append(
            Notice(
                kind="recording break",
                authority=str(counts["authority"].values[i]),
                year=int(counts["year"].values[t + 1]),
                detail=f"from {before} to {after}, a factor of {math.exp(change[i, t]):.2f}",
            )
        )
    return notices


def _rate_in_words(events: float, denominator: float) -> str:
    rate = events / denominator
    return f"{events:.0f} of {denominator:.0f} ({rate:.{3 if rate >= 0.01 else 5}f})"


def _rounded_years(counts: "xr.Dataset", settings: OpenCounts) -> list[Notice]:
    notices = []
    for role, column in (("events", settings.events), ("denominator", settings.denominator)):
        for t, year in enumerate(counts["year"].values):
            detail = _looks_rounded(counts[role].values[:, t])
            if detail:
                notices.append(Notice(kind="rounded", year=int(year), detail=f"{column}: {detail}"))
    return notices


def _rounded_authorities(counts: "xr.Dataset") -> list[Notice]:
    """Both counts together, as one alone has too few years to tell."""
    notices = []
    for i, name in enumerate(counts["authority"].values):
        both = np.concatenate([counts["events"].values[i], counts["denominator"].values[i]])
        detail = _looks_rounded(both)
        if detail:
            notices.append(Notice(kind="rounded", authority=str(name), detail=detail))
    return notices


def _looks_rounded(values: npt.NDArray[np.float64]) -> str:
    """A description of counts with too many multiples of 5 or 10, or "". Zeros say nothing."""
    known = values[np.nan_to_num(values) > 0]
    multiples = {base: int((known % base == 0).sum()) for base in (5, 10)}
    chance = min((_binomial_tail(times, len(known), 1 / base) for base, times in multiples.items()))
    if chance >= ROUNDED_BY_CHANCE:
        return ""
    return (
        f"of {len(known)} counts {multiples[5]} are multiples of 5 and {multiples[10]} of 10"
        " (by chance a fifth and a tenth)"
    )


def _binomial_tail(successes: int, trials: int, probability: float) -> float:
    """The chance of at least so many successes."""
    return sum(
        math.comb(trials, k) * probability**k * (1 - probability) ** (trials - k)
        for k in range(successes, trials + 1)
    )
