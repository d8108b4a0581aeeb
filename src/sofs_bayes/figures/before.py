"""Before anything is matched: rates by arm and year, and how near candidates are to each pilot."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Unpack

from sofs_bayes.errors import counted
from sofs_bayes.figures.canvas import (
    Canvas,
    KeyEntry,
    SaidOfRates,
    Told,
    name_of,
    named_years,
    unit_of,
)
from sofs_bayes.figures.curves import Panel, curves
from sofs_bayes.figures.drawing import Drawing, drawn
from sofs_bayes.figures.marks import Axis, Dot, Mark, Series
from sofs_bayes.figures.numbers import padded
from sofs_bayes.figures.refusals import check_rows
from sofs_bayes.figures.style import DASHED, STYLE, Look, marker
from sofs_bayes.spec.outcomes import capital

LOOKS: dict[str, Look] = {
    "pilots": {**marker("o", 5.0, STYLE.strong), "linewidth": 2.0, "linestyle": "solid"},
    "comparators": {**marker("s", 4.0, STYLE.second), "linewidth": 1.5, "linestyle": DASHED},
    "others": {**marker("^", 4.0, STYLE.light), "linewidth": 1.2, "linestyle": "dotted"},
}
NAMED: Look = marker("D", 6.0, STYLE.strong, "")
CANDIDATE: Look = marker("o", 4.5, STYLE.light, "")
HEIGHT, LANE = 3.1, 0.32


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmRate:
    """An arm's rate in a year, NaN where it rests on too few; numbers of authorities beside it."""

    arm: str
    year: int
    authorities: int
    rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PreTrendDistance:
    """A candidate's distance from a pilot before settling-in, on log-odds."""

    pilot: str
    authority: str
    named: bool
    distance: float


def rates_before(rows: Sequence[ArmRate], **said: Unpack[SaidOfRates]) -> Drawing:
    """A line for each arm, with gaps where a rate may not be shown.

    Raises
    ------
    BadInput
        No rows, an infinite rate, or an arm's year twice.
    """
    name = name_of(said, SaidOfRates, "rates-before-matching")
    check_rows(name, rows, once=("arm and year", [f"{row.arm}, {row.year}" for row in rows]))
    per = said.get("per", 100)
    found = sorted({row.year for row in rows})
    years = range(found[0], found[-1] + 1)
    marks: list[Mark] = []
    words = []
    for arm, look in LOOKS.items():
        own = {row.year: per * row.rate for row in rows if row.arm == arm}
        y = [own.get(year, math.nan) for year in years]
        there = [value for value in y if not math.isnan(value)]
        if there:
            marks.append(Series(x=years, y=y, look=look, name=arm, at=there[-1]))
            words.append(f"{arm} from {there[0]:.1f} to {there[-1]:.1f}")
    canvas = Canvas.of(said, name, finding=capital("; ".join(words)), subtitle=unit_of(said))
    shown = [per * row.rate for row in rows if not math.isnan(row.rate)] or [0.0, 1.0]
    panel = Panel(
        x=Axis(
            ends=(years[0] - 0.5, years[-1] + 0.5),
            name=named_years(said).kind,
            kind="year",
            years=named_years(said),
        ),
        y=Axis(ends=(0.0, padded(shown, 0.08)[1]), guides=True),
        marks=marks,
    )
    alt = f"{unit_of(said)} before matching: {'; '.join(words) or 'none may be shown'}."
    chart = partial(curves, panels=[panel], height=HEIGHT)
    return drawn(canvas, chart, alt, ArmRate, rows)


def distances_before(rows: Sequence[PreTrendDistance], **said: Unpack[Told]) -> Drawing:
    """A line of dots for each pilot: those that the groups name as its comparators stand out.

    Raises
    ------
    BadInput
        No rows, a distance that is no finite number, or a pair twice.
    """
    name = name_of(said, Told, "pre-trend-distances")
    pairs = ("pair", [f"{row.pilot}, {row.authority}" for row in rows])
    check_rows(name, rows, once=pairs, finite=("distance",))
    key = [
        KeyEntry(name="named as its comparators", line=NAMED),
        KeyEntry(name="other candidates", line=CANDIDATE),
    ]
    pilots = list(dict.fromkeys(row.pilot for row in rows))
    nearest = [
        min((r for r in rows if r.pilot == each), key=lambda r: r.distance) for each in pilots
    ]
    own = sum(row.named for row in nearest) or "none"
    found = f"The nearest candidate is a named one for {own} of {counted(len(pilots), 'pilot')}"
    canvas = replace(Canvas.of(said, name, finding=found), key=key)
    place = {pilot: float(len(pilots) - i) for i, pilot in enumerate(pilots)}
    marks: list[Mark] = [
        Dot(
            at=row.distance,
            value=place[row.pilot],
            look=NAMED if row.named else CANDIDATE,
            zorder=4.0 if row.named else 3.0,
        )
        for row in rows
    ]
    furthest = max(row.distance for row in rows)
    panel = Panel(
        x=Axis(ends=(0.0, 1.08 * furthest or 1.0), name="distance (log-odds)", guides=True),
        y=Axis(
            ends=(0.4, len(pilots) + 0.6),
            ticks={height: pilot for pilot, height in place.items()},
        ),
        marks=marks,
    )
    chart = partial(curves, panels=[panel], height=max(1.6, LANE * len(pilots) + 0.8))
    near = "; ".join(f"{each.pilot} {each.distance:.2f}" for each in nearest)
    alt = f"Distances of candidates from each pilot before settling-in; the nearest: {near}."
    return drawn(canvas, chart, alt, PreTrendDistance, rows)
