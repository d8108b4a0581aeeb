"""Counts and design of a staggered difference-in-differences, as a rectangle.

Counts stand in a rectangle of authorities × years; a cell that is not observed, or is left
out, has denominator 0 and adds nothing to the likelihood. So one compiled graph serves every
refit: other priors, an authority left out, other counts.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import xarray as xr

from sofs_bayes.bayes.cell_checks import check_events

Floats = npt.NDArray[np.float64]

AFTER = "after settling-in"


@dataclass(frozen=True, slots=True, kw_only=True)
class DidArrays:
    """Counts and design of a staggered difference-in-differences, pilots first.

    Attributes
    ----------
    authorities, pilots, years
        Labels; the first `len(pilots)` authorities are the pilots.
    events, denominators
        Counts, shape (authority, year); denominator 0 where nothing is observed.
    treated
        1 where a pilot is past settling-in, shape (pilot, year).
    terms
        Names of the effect terms: `after settling-in`, then years since, as "-2", "+0", "+1".
    term_design
        1 where a term applies, shape (pilot, year, term). Under `constant` that is the first
        term alone, under `by year` the others; a term that applies nowhere is not reported.
    """

    authorities: tuple[str, ...]
    pilots: tuple[str, ...]
    years: tuple[int, ...]
    events: Floats
    denominators: Floats
    treated: Floats
    terms: tuple[str, ...]
    term_design: Floats


def did_arrays(cells: xr.Dataset, *, effect: str) -> DidArrays:
    """The rectangle of counts and its design, from cells.

    Parameters
    ----------
    cells
        Over `cell`: authority, year, events, denominator, is_pilot, period, years_since, as
        `matching.authorities.did_cells` gives them.
    effect
        `constant` (one effect after settling-in) or `by year` (one per year since; the year
        before settling-in is the reference).

    Raises
    ------
    BadInput
        Pilots or comparators without events, or with nothing else.
    """
    frame = cells.to_dataframe()
    authorities = tuple(dict.fromkeys(frame["authority"]))
    pilots = tuple(dict.fromkeys(frame.loc[frame["is_pilot"], "authority"]))
    if authorities[: len(pilots)] != pilots:
        raise ValueError("cells must name the pilots before the comparators")
    years = tuple(sorted(int(year) for year in frame["year"].unique()))
    row = {name: i for i, name in enumerate(authorities)}
    column = {year: i for i, year in enumerate(years)}
    shape = (len(authorities), len(years))
    events, denominators = np.zeros(shape), np.zeros(shape)
    treated = np.zeros((len(pilots), len(years)))
    term_of: dict[tuple[int, int], int] = {}
    for cell in frame.to_dict("records"):
        at = row[cell["authority"]], column[cell["year"]]
        events[at], denominators[at] = cell["events"], cell["denominator"]
        if cell["is_pilot"]:
            treated[at] = cell["period"] == "post"
            term_of[at] = int(cell["years_since"])
    for arm, here in (("pilots", slice(len(pilots))), ("comparators", slice(len(pilots), None))):
        check_events(arm, events[here].sum(), denominators[here].sum(), "counts")
    terms, design = _terms(treated, term_of, effect)
    return DidArrays(
        authorities=authorities,
        pilots=pilots,
        years=years,
        events=events,
        denominators=denominators,
        treated=treated,
        terms=terms,
        term_design=design,
    )


def _terms(
    treated: Floats, years_since: Mapping[tuple[int, int], int], effect: str
) -> tuple[tuple[str, ...], Floats]:
    since = sorted(set(years_since.values()) - {-1})
    design = np.zeros((*treated.shape, 1 + len(since)))
    if effect == "constant":
        design[:, :, 0] = treated
    else:
        for (pilot, year), k in years_since.items():
            if k != -1:
                design[pilot, year, 1 + since.index(k)] = 1.0
    return (AFTER, *(f"{k:+d}" for k in since)), design


def without(arrays: DidArrays, authorities: Collection[str]) -> DidArrays:
    """The same rectangle with some authorities' counts left out (their denominators are 0)."""
    unknown = set(authorities) - set(arrays.authorities)
    if unknown:
        raise ValueError(f"not among the authorities: {', '.join(sorted(unknown))}")
    kept = np.array([name not in authorities for name in arrays.authorities], dtype=float)[:, None]
    return replace(arrays, events=arrays.events * kept, denominators=arrays.denominators * kept)


def used_terms(arrays: DidArrays) -> tuple[str, ...]:
    """The terms that apply somewhere."""
    applies = arrays.term_design.any(axis=(0, 1))
    return tuple(term for term, yes in zip(arrays.terms, applies, strict=True) if yes)
