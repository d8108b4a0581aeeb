"""Estimates of sets of authorities where nothing happened, and the real pilots' among them."""

from collections.abc import Sequence
from functools import partial
from math import exp
from typing import TYPE_CHECKING

from sofs_bayes.figures.canvas import Canvas, KeyEntry
from sofs_bayes.figures.curves import Panel, curves
from sofs_bayes.figures.drawing import Drawing, drawn
from sofs_bayes.figures.marks import Axis, Dot, Mark, Rule
from sofs_bayes.figures.refusals import check_rows
from sofs_bayes.figures.style import STYLE, THIN, Look, marker
from sofs_bayes.spec import Evidence

if TYPE_CHECKING:
    from sofs_bayes.checks.placebo import PlaceboRow

SET: Look = marker("o", 4.0, STYLE.light, "")
PILOTS: Look = marker("D", 7.0, STYLE.strong, "")
BAR: Look = {"color": STYLE.strong, "linewidth": 2.0}
DOT = 0.062  # inches from one dot of a pile to the next
BINS = 60


def placebo_dots(
    rows: "Sequence[PlaceboRow]",
    pilots: "PlaceboRow",
    *,
    title: str,
    subtitle: str,
    evidence: Evidence,
    alt: str,
    name: str = "placebo",
) -> Drawing:
    """Piles of dots, one for each set, over the odds ratio; the real pilots with their intervals.

    Raises
    ------
    BadInput
        No sets, or a number that is not finite.
    """
    check_rows(name, [*rows, pilots], finite=("mean", "lower_90", "upper_90"))
    canvas = Canvas(
        name=name,
        title=title,
        evidence=(evidence,),
        subtitle=subtitle,
        key=[
            KeyEntry(name="authorities that were no pilots", line=SET),
            KeyEntry(name="the real pilots", line=PILOTS),
        ],
    )
    shown = [row.mean for row in rows] + [pilots.lower_90, pilots.upper_90]
    lower, upper = min(shown), max(shown)
    step = (upper - lower) / BINS or 0.01
    piles: dict[int, int] = {}
    marks: list[Mark] = [Rule(at=1.0, look=THIN)]
    for row in sorted(rows, key=lambda row: row.mean):
        place = round((row.mean - lower) / step)
        piles[place] = piles.get(place, 0) + 1
        marks.append(Dot(at=exp(lower + place * step), value=float(piles[place]), look=SET))
    highest = max(piles.values())
    below = -0.09 * highest - 1.0
    marks.append(
        Dot(
            at=below,
            value=exp(pilots.mean),
            lower=exp(pilots.lower_90),
            upper=exp(pilots.upper_90),
            inner=(exp(pilots.lower_50), exp(pilots.upper_50)),
            look=PILOTS,
            bar=BAR,
            across=True,
        )
    )
    margin = 0.04 * (upper - lower)
    panel = Panel(
        x=Axis(ends=(exp(lower - margin), exp(upper + margin)), name="odds ratio", kind="ratio"),
        y=Axis(ends=(2 * below, highest + 1.0), ticks={}),
        marks=marks,
    )
    chart = partial(curves, panels=[panel], height=max(1.6, DOT * (highest - 2 * below + 1)))
    return drawn(canvas, chart, alt, type(pilots), [pilots, *rows])
