"""Forests: effects with their intervals, a line each, by pilot, fit or prior; and shrinkage."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, Unpack

from sofs_bayes.errors import counted
from sofs_bayes.estimands import NEW, POOLED, EffectRow
from sofs_bayes.estimands.rows import ShrinkageRow
from sofs_bayes.figures.canvas import CONVERGED, Canvas, KeyEntry, Said, name_of
from sofs_bayes.figures.dots import Beside, Row, dots
from sofs_bayes.figures.drawing import Drawing, drawn
from sofs_bayes.figures.intervals import (
    COLUMNS,
    HALF,
    checked_scale,
    dot_of,
    drawn_name,
    effect_axis,
    evidence_of,
    finding,
    interval_name,
    numbers_text,
    shown,
    shown_decimals,
    status_of,
)
from sofs_bayes.figures.marks import Rule
from sofs_bayes.figures.numbers import ShownScale, amount, minus, percent
from sofs_bayes.figures.refusals import check_rows, only_value, shown_scale
from sofs_bayes.figures.style import DOTTED, NO_EFFECT, SOLID, STYLE, Look, marker
from sofs_bayes.spec.terms import CHILDREN

ALONE: Look = {
    **marker("o", 5.5, STYLE.second, "white"),
    "linewidth": 1.2,
    "linestyle": (0, (3, 1.2)),
}
POOLED_IN: Look = {**marker("o", 5.5, STYLE.strong), "linewidth": 1.8, "linestyle": SOLID}
TOGETHER: Look = {"color": STYLE.soft, "linewidth": 1.1, "linestyle": DOTTED}
KEY = (
    KeyEntry(name="the pilot by itself", line=ALONE),
    KeyEntry(name="partially pooled", line=POOLED_IN),
    KeyEntry(name="pooled effect", line=TOGETHER),
)
ALONE_COLUMNS = ("unpooled_median", "unpooled_lower", "unpooled_upper")
ALONE_HALF = ("unpooled_lower_50", "unpooled_upper_50")
LANE = 0.17  # inches from one interval of a pilot to the other
MANY = 4  # rows or pilots, beyond which the alt text gives the outermost and not each


def by_target(row: EffectRow) -> str:
    """A row's label where rows differ in whom the effect is in."""
    return row.target


def is_summary(row: EffectRow) -> bool:
    """Whether a row is about no single pilot."""
    return row.target in (POOLED, NEW)


def pilot_forest(
    rows: Sequence[EffectRow],
    *,
    title: str,
    label: Callable[[EffectRow], str] = by_target,
    apart: Callable[[EffectRow], bool] = is_summary,
    order: Literal["median", "given"] = "median",
    name: str = "pilot-forest",
    whom: str = CHILDREN,
) -> Drawing:
    """Medians and intervals, a line each; some set apart at the bottom.

    By default one fit's pilots by median, then pooled effect and new authority. The same
    picture compares fits: `label=lambda row: str(row.variant)` with
    `apart=lambda row: row.kind == "main"` for one left out at a time, and
    `order="given"` for priors. Evidence and convergence are those of the rows; where only
    some rows did not converge, these are hollow and say so. `whom` is those of changes per
    1,000 or 10,000.

    Raises
    ------
    BadInput
        No rows, a bound that is no finite number, two rows with one label, or rows that
        differ in scale, kind or level of interval.
    """
    scale = checked_scale(name, rows, whom)
    check_rows(name, rows, once=("label", [label(row) for row in rows]))
    interval = interval_name(name, rows)
    ranked = sorted(rows, key=lambda row: row.median) if order == "median" else list(rows)
    first = [row for row in ranked if not apart(row)]
    last = [row for row in (rows if first else ranked) if apart(row)]
    ordered = (*first, *last)
    found = [shown(row, scale) for row in ordered]
    numbers = [numbers_text(each, scale, shown_decimals(found, scale)) for each in found]
    names = [_name(row, label(row), rows) for row in ordered]
    lines = [
        _line(row, scale, names[i], numbers[i], bold=i >= len(first) > 0, gap=i == len(first) > 0)
        for i, row in enumerate(ordered)
    ]
    canvas = Canvas(
        name=name,
        title=finding(rows, scale),
        subtitle=title,
        evidence=evidence_of(rows),
        status=status_of(rows),
        notes=_refused(rows),
    )
    chart = partial(
        dots,
        rows=lines,
        axis=effect_axis(found, scale, f"{scale.axis}:\n{drawn_name(rows)}"),
        marks=[Rule(at=scale.null, look=NO_EFFECT)],
        columns=[f"median [{percent(rows[0].level)}]"],
    )
    said = [f"{each} {number}" for each, number in zip(names, numbers, strict=True)]
    told = "; ".join(_outermost(ordered, said, len(first)))
    alt = f"{counted(len(rows), 'effect')} ({scale.axis}), median and {interval}: {told}."
    return drawn(canvas, chart, " ".join([alt, *_including(rows, scale)]), EffectRow, rows)


def _including(rows: Sequence[EffectRow], scale: ShownScale) -> list[str]:
    """How many intervals include no effect, and what is refused, in sentences."""
    including = sum(row.lower <= scale.null <= row.upper for row in rows)
    return [
        f"{including} of {counted(len(rows), 'interval')} include {scale.null:g}.",
        *_refused(rows),
    ]


def _name(row: EffectRow, label: str, rows: Sequence[EffectRow]) -> str:
    """The label, with what tells the row from others of the picture."""
    text = label + (f" ({row.evidence})" if len(evidence_of(rows)) > 1 else "")
    refused = row.status != CONVERGED and status_of(rows) == CONVERGED
    return f"{text}: NOT CONVERGED" if refused else text


def _line(
    row: EffectRow, scale: ShownScale, label: str, numbers: str, *, bold: bool, gap: bool
) -> Row:
    """A row of the forest: summaries are heavier, refused ones hollow and dashed."""
    converged = row.status == CONVERGED
    colour = STYLE.mark if not converged else STYLE.ink if bold else STYLE.strong
    bar = {
        "color": colour,
        "linewidth": 2.2 if bold else 1.3,
        "linestyle": SOLID if converged else (0, (2, 1)),
    }
    shape, size = ("D", 6.5) if bold else ("o", 5.5)
    look = marker(shape, size, colour, colour if converged else "white")
    return Row(
        label=label,
        dots=[dot_of(row, scale, look=look, bar=bar)],
        beside=[Beside(text=numbers)],
        colour=STYLE.ink if converged else STYLE.mark,
        bold=bold,
        apart=gap,
    )


def _outermost(rows: Sequence[EffectRow], said: Sequence[str], alone: int) -> list[str]:
    """All rows in words, or those set apart and the outermost of the `alone` others."""
    if alone <= MANY:
        return list(said)
    ranked = sorted(range(alone), key=lambda i: rows[i].median)
    others = f"the other {alone} from {said[ranked[0]]} to {said[ranked[-1]]}"
    return [*said[alone:], others]


def _refused(rows: Sequence[EffectRow]) -> list[str]:
    refused = sum(row.status != CONVERGED for row in rows)
    if 0 < refused < len(rows):
        return [f"NOT CONVERGED, so no result: {counted(refused, 'row')} hollow and dashed."]
    return []


def shrinkage(rows: Sequence[ShrinkageRow], **said: Unpack[Said]) -> Drawing:
    """Each pilot's effect by itself (hollow) above its partially pooled one (filled).

    Parameters
    ----------
    rows
        One per pilot, on one scale. They are shown by the median of the pilot by itself.
    said
        `title`, `evidence`, `status` and, if not the usual one, `name`; as `Said` has them.

    Raises
    ------
    BadInput
        No rows, a bound that is no finite number, a pilot twice, or rows that differ in scale,
        pooled effect, kind or level of interval.
    """
    name = name_of(said, Said, "shrinkage")
    once = ("pilot", [row.target for row in rows])
    check_rows(name, rows, finite=(*ALONE_COLUMNS, *COLUMNS, "pooled_median"), once=once)
    scale, interval = shown_scale(name, rows, said.get("whom", CHILDREN)), interval_name(name, rows)
    pooled = scale.factor * only_value(name, rows, "pooled_median")
    ranked = sorted(rows, key=lambda row: row.unpooled_median)
    pairs = [(shown(row, scale, ALONE_COLUMNS), shown(row, scale)) for row in ranked]
    every = [each for pair in pairs for each in pair]
    decimals = shown_decimals(every, scale)
    numbers = [[numbers_text(each, scale, decimals) for each in pair] for pair in pairs]
    canvas = Canvas.of(said, name, key=KEY, finding=f"{finding(rows, scale)} once pulled in")
    chart = partial(
        dots,
        rows=[_both(row, scale, texts) for row, texts in zip(ranked, numbers, strict=True)],
        axis=effect_axis(every, scale, f"{scale.axis}:\n{drawn_name(rows)}"),
        marks=[Rule(at=scale.null, look=NO_EFFECT), Rule(at=pooled, look=TOGETHER)],
        columns=[f"median [{percent(rows[0].level)}]", "pulled in"],
        longest=0.27,
    )
    texts = [
        f"{row.target} {alone}, partially pooled {together}"
        for row, (alone, together) in zip(ranked, numbers, strict=True)
    ]
    told = texts if len(texts) <= MANY else [texts[0], texts[-1]]
    among = "" if len(told) == len(texts) else " The outermost:"
    pooled_text = amount(pooled, scale, shown_decimals([pair[1] for pair in pairs], scale))
    alt = (
        f"Effects of {counted(len(rows), 'pilot')} ({scale.axis}), by themselves and partially"
        f" pooled, median and {interval}; pooled effect {pooled_text}.{among} {'; '.join(told)}."
    )
    return drawn(canvas, chart, alt, ShrinkageRow, rows)


def _both(row: ShrinkageRow, scale: ShownScale, numbers: Sequence[str]) -> Row:
    marks, beside = [], []
    halves = ((ALONE, ALONE_COLUMNS, ALONE_HALF), (POOLED_IN, COLUMNS, HALF))
    for (look, columns, inner), text, lane in zip(
        halves, numbers, (-LANE / 2, LANE / 2), strict=True
    ):
        bar = {**look, "marker": "None"}
        marks.append(dot_of(row, scale, look=look, bar=bar, at=lane, columns=columns, inner=inner))
        beside.append(Beside(text=text, lane=lane, colour=look["color"]))
    pulled = "–" if math.isnan(row.shrinkage) else minus(f"{100 * row.shrinkage:.0f}%")
    beside.append(Beside(text=pulled, column=1, lane=LANE / 2))
    return Row(label=row.target, dots=marks, beside=beside, lanes=2 * LANE + 0.04)
