"""What all pictures of effects share: their axis, their interval's name, what they rest on."""

from collections.abc import Sequence
from typing import Any

from sofs_bayes.errors import counted
from sofs_bayes.estimands import EffectRow
from sofs_bayes.estimands.rows import ShrinkageRow
from sofs_bayes.figures.canvas import CONVERGED
from sofs_bayes.figures.marks import Axis, Dot
from sofs_bayes.figures.numbers import (
    INTERVALS,
    ShownScale,
    amount,
    decimals_for,
    padded,
    percent,
)
from sofs_bayes.figures.refusals import check_rows, only_value, refuse, shown_scale
from sofs_bayes.figures.style import Look
from sofs_bayes.spec import Evidence
from sofs_bayes.spec.terms import CHILDREN

COLUMNS = ("median", "lower", "upper")
HALF = ("lower_50", "upper_50")
Interval = tuple[float, float, float]  # in this order


def checked_scale(figure: str, rows: Sequence[EffectRow], whom: str = CHILDREN) -> ShownScale:
    """The one scale of effects that can be drawn; anything else is refused."""
    check_rows(figure, rows, finite=COLUMNS)
    scale = shown_scale(figure, rows, whom)
    if scale.logarithmic and (lowest := min(row.lower for row in rows)) <= 0:
        raise refuse(figure, "lower", f"{lowest:g}", f"an {scale.unit} above 0")
    return scale


def interval_name(figure: str, rows: Sequence[EffectRow | ShrinkageRow]) -> str:
    """Level and kind of the rows' intervals, as in "90% equal-tailed interval"."""
    kind, level = only_value(figure, rows, "interval"), only_value(figure, rows, "level")
    return f"{percent(level)} {INTERVALS.get(kind, kind)} interval"


def drawn_name(rows: Sequence[Any], kind: str = "") -> str:
    """What dots and bars are, for an axis or below a title; the kind of interval is the rows'."""
    bars = bars_name(rows, kind or INTERVALS[rows[0].interval])
    return f"median{',' if any(map(half, rows)) else ' and'} {bars}"


def bars_name(rows: Sequence[Any], kind: str) -> str:
    """What bars are, and which stretch of them is thick."""
    if all(half(row) is None for row in rows):
        return f"{percent(rows[0].level)} {kind} interval"
    return f"{kind} intervals (thick: 50%, thin: {percent(rows[0].level)})"


def half(
    row: Any, columns: Sequence[str] = HALF, factor: float = 1.0
) -> tuple[float, float] | None:
    """The 50% interval of a row; None where it has none, is refused, or has no wider one."""
    lower, upper = (getattr(row, column) for column in columns)
    refused = getattr(row, "status", CONVERGED) != CONVERGED
    if lower is None or upper is None or refused or row.level <= 0.5:
        return None
    return factor * lower, factor * upper


def dot_of(
    row: Any,
    scale: ShownScale,
    *,
    look: Look,
    bar: Look,
    at: float = 0.0,
    columns: Sequence[str] = COLUMNS,
    inner: Sequence[str] = HALF,
) -> Dot:
    """A row's median on its bar, whose inner half is thick, as the axis has them."""
    median, lower, upper = shown(row, scale, columns)
    thick = half(row, inner, scale.factor)
    return Dot(at=at, value=median, lower=lower, upper=upper, inner=thick, look=look, bar=bar)


def evidence_of(rows: Sequence[EffectRow]) -> tuple[Evidence, ...]:
    """What the rows rest on, each kind once."""
    return tuple(dict.fromkeys(row.evidence for row in rows))


def status_of(rows: Sequence[EffectRow]) -> str:
    """The picture's status: refused as a whole where no row converged."""
    return CONVERGED if any(row.status == CONVERGED for row in rows) else rows[0].status


def shown(row: Any, scale: ShownScale, columns: Sequence[str] = COLUMNS) -> Interval:
    """Median, lower and upper as the axis has them."""
    median, lower, upper = (scale.factor * getattr(row, column) for column in columns)
    return median, lower, upper


def shown_decimals(found: Sequence[Interval], scale: ShownScale) -> int:
    """Decimals that suit all intervals."""
    return decimals_for([value for each in found for value in each], scale)


def finding(rows: Sequence[EffectRow | ShrinkageRow], scale: ShownScale) -> str:
    """How many intervals exclude no effect (0, or an odds ratio of 1), as a title."""
    excluding = sum(not row.lower <= scale.null <= row.upper for row in rows)
    if len(rows) == 1:
        return f"The interval {'excludes' if excluding else 'includes'} {scale.null:g}"
    if excluding in (0, len(rows)):
        return (
            f"All {counted(len(rows), 'interval')} {'exclude' if excluding else 'include'}"
            f" {scale.null:g}"
        )
    verb = "excludes" if excluding == 1 else "exclude"
    return f"{excluding} of {counted(len(rows), 'interval')} {verb} {scale.null:g}"


def numbers_text(found: Interval, scale: ShownScale, decimals: int) -> str:
    """median [lower, upper]."""
    median, lower, upper = (amount(value, scale, decimals) for value in found)
    return f"{median} [{lower}, {upper}]"


def effect_axis(
    found: Sequence[Interval], scale: ShownScale, name: str, *, guides: bool = False
) -> Axis:
    """An axis of effects that holds all intervals, and no effect."""
    values = [value for each in found for value in each] + [scale.null]
    if not scale.logarithmic:
        return Axis(ends=padded(values), name=name, kind="signed", guides=guides)
    spread = max(1.05, (max(values) / min(values)) ** 0.06)
    ends = min(values) / spread, max(values) * spread
    return Axis(ends=ends, name=name, kind="ratio", guides=guides)
