"""Counts per authority and year, with everything noticed about them.

Nothing disappears: a count that is missing keeps the symbol that stood in its place, and what
looks odd becomes a `Notice`, in an order that does not depend on that of the rows.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from sofs_bayes.errors import BadInput
from sofs_bayes.folders.manifest import by_name
from sofs_bayes.records.known_files import evidence_of_counts
from sofs_bayes.records.notices import Notice, notices_of_counts
from sofs_bayes.records.text_values import SYMBOLS
from sofs_bayes.spec import Evidence, OpenCounts

Role = Literal["events", "denominator"]
ROLES: tuple[Role, Role] = ("events", "denominator")

# Symbols of a panel that no DfE file has.
NO_ROW = ""
ABOVE = "above"
PANEL_SYMBOLS: Mapping[str, str] = {
    **SYMBOLS,
    ABOVE: "left out, as more events than the denominator were counted",
    NO_ROW: "no row in the file",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file that was read: its name, its SHA-256 and the indicators taken from it."""

    file: str
    sha256: str
    indicators: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Counts per authority and financial year.

    Attributes
    ----------
    counts
        Dims (authority, year). `events` and `denominator` are numbers of children (or of
        whatever the indicators count), NaN where missing; `events_symbol` and
        `denominator_symbol` say why ("" beside a number, and where there was no row).
        Coordinates: authority (name, in alphabetical order), year (its first calendar year),
        code (the authority's).
    notices
        All that was noticed, sorted.
    sources
        The files, in alphabetical order.
    where
        The value of each further column whose rows were taken.
    """

    counts: xr.Dataset
    notices: tuple[Notice, ...]
    sources: tuple[Source, ...]
    where: Mapping[str, str] = field(default_factory=dict)

    @property
    def evidence(self) -> Evidence:
        """Open data where all files are the Department's, else counts of unknown origin."""
        return evidence_of_counts(source.sha256 for source in self.sources)

    @property
    def inputs(self) -> dict[str, str]:
        """SHA-256 of every file, by its name."""
        return by_name((source.file, source.sha256) for source in self.sources)

    @property
    def authorities(self) -> tuple[str, ...]:
        """The authorities' names, in alphabetical order."""
        return tuple(str(name) for name in self.counts["authority"].values)

    @property
    def years(self) -> tuple[int, ...]:
        """The financial years, by their first calendar year."""
        return tuple(int(year) for year in self.counts["year"].values)

    @property
    def observed(self) -> xr.DataArray:
        """Whether both counts are there and somebody was counted, dims (authority, year)."""
        return self.counts["events"].notnull() & (self.counts["denominator"] > 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One count as read: its value (NaN where missing), its symbol and its place."""

    value: float
    symbol: str
    file: Path
    line: int


Cell = tuple[str, int, Role]
"""An authority's code, a year, and which of the two counts."""


def make_panel(
    names: Mapping[str, str],
    entries: Mapping[Cell, Entry],
    *,
    counts: OpenCounts,
    sources: Iterable[Source],
    notices: Iterable[Notice] = (),
) -> Panel:
    """The panel of entries read, with the notices given and those its counts call for.

    Parameters
    ----------
    names
        Authority's code → its name, both unique.
    entries
        Keyed by code, year and `events` or `denominator`; what is not there had no row.

    Raises
    ------
    BadInput
        More events than the denominator, unless `counts.above_denominator` is `drop`.
    """
    kept, above = _above_denominator(names, entries, counts)
    dataset = _dataset(names, kept, counts)
    missing = _missing(names, kept, counts)
    own = notices_of_counts(dataset, counts)
    return Panel(
        counts=dataset,
        notices=tuple(sorted({*notices, *above, *missing, *own})),
        sources=tuple(sorted(sources, key=lambda source: (source.file, source.sha256))),
        where=counts.where or {},
    )


def _dataset(
    names: Mapping[str, str], entries: Mapping[Cell, Entry], counts: OpenCounts
) -> xr.Dataset:
    codes = sorted(names, key=lambda code: (names[code], code))
    years = counts.years
    dims = ("authority", "year")
    variables: dict[str, tuple[tuple[str, str], npt.NDArray[Any]]] = {}
    for role in ROLES:
        found = [[entries.get((code, year, role)) for year in years] for code in codes]
        values = [[math.nan if e is None else e.value for e in row] for row in found]
        symbols = [[NO_ROW if e is None else e.symbol for e in row] for row in found]
        variables[role] = (dims, np.array(values, dtype=np.float64))
        variables[f"{role}_symbol"] = (dims, np.array(symbols, dtype=object))
    return xr.Dataset(
        variables,
        coords={
            "authority": np.array([names[code] for code in codes], dtype=object),
            "year": np.array(years, dtype=np.int64),
            "code": ("authority", np.array(codes, dtype=object)),
        },
        attrs={"events": counts.events, "denominator": counts.denominator},
    )


def _above_denominator(
    names: Mapping[str, str], entries: Mapping[Cell, Entry], counts: OpenCounts
) -> tuple[dict[Cell, Entry], list[Notice]]:
    """The entries without those whose events exceed the denominator, and notices of these."""
    kept, notices = dict(entries), []
    for (code, year, role), entry in sorted(entries.items()):
        other = entries.get((code, year, "denominator"))
        if role == "denominator" or other is None or not entry.value > other.value:
            continue
        found = (
            f"{counts.events} {entry.value:.0f}, more than {counts.denominator} {other.value:.0f}"
        )
        if counts.above_denominator == "refuse":
            raise BadInput(
                entry.file,
                f"line {entry.line}, {names[code]} in {year}",
                found,
                'at most the denominator, or data.above_denominator = "drop"',
            )
        kept[code, year, "events"] = replace(entry, value=math.nan, symbol=ABOVE)
        kept[code, year, "denominator"] = replace(other, value=math.nan, symbol=ABOVE)
        notices.append(
            Notice(
                kind="above denominator",
                authority=names[code],
                year=year,
                file=entry.file.name,
                detail=f"{found}; both left out",
            )
        )
    return kept, notices


def _missing(
    names: Mapping[str, str], entries: Mapping[Cell, Entry], counts: OpenCounts
) -> list[Notice]:
    """A notice per symbol, and per count without a row where its partner has one."""
    notices = []
    column: dict[Role, str] = {"events": counts.events, "denominator": counts.denominator}
    for code, year in sorted({(code, year) for code, year, _ in entries}):
        for role in ROLES:
            entry = entries.get((code, year, role))
            if entry is not None and not math.isnan(entry.value):
                continue
            symbol = NO_ROW if entry is None else entry.symbol
            notices.append(
                Notice(
                    kind="missing",
                    authority=names[code],
                    year=year,
                    file="" if entry is None else entry.file.name,
                    detail=f"{column[role]} {symbol}: {PANEL_SYMBOLS[symbol]}"
                    if symbol
                    else f"{column[role]}: {PANEL_SYMBOLS[NO_ROW]}",
                )
            )
    return notices
