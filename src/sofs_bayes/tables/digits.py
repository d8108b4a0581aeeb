"""A cell → its text: with the digits its format has, or with those Monte Carlo error leaves."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import repeat
from typing import Literal

Format = Literal[
    "text",
    "pp",
    "pp2",
    "probability",
    "number",
    "change",
    "integer",
    "percent",
    "per10000",
    "year",
    "rhat",
    "signed",
    "signed2",
    "ratio",
]

ERRORS = 2.0  # Monte Carlo standard errors that a unit of the last digit may stand for at most
GAP = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
# More places than these, and a number is shown as powers of ten.
MOST_PLACES = 6
# Of a line with a number, what stands before its point; all behind it hangs there.
BEFORE_POINT = re.compile(r"\D*[\d,]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a format shows numbers where their error is known.

    Attributes
    ----------
    factor
        Of what is shown to what is stored.
    decimals
        At most; None: three significant digits.
    signed
        A plus sign stands before what is above 0.
    end
        What stands behind the number.
    """

    factor: float = 1.0
    decimals: int | None = None
    signed: bool = False
    end: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number with what belongs to it in one cell: its interval, stars, errors in brackets.

    Attributes
    ----------
    median, lower, upper
        The number and its interval; NaN where it has none.
    error
        The largest Monte Carlo standard error of the three, NaN where none is known.
    mark
        What hangs at the number's right: stars, a cross.
    bracket
        What stands below it in brackets, as standard errors; NaN is a dash.
    look
        How the cell's numbers are shown, where not as its column's: a format, or with decimals.
    bracket_look
        How those in brackets are: without it, as the number, unsigned.
    """

    median: float
    lower: float = math.nan
    upper: float = math.nan
    error: float = math.nan
    mark: str = ""
    bracket: tuple[float, ...] = ()
    look: "Look | Format | None" = None
    bracket_look: Look | None = None

    @property
    def has_interval(self) -> bool:
        """Whether it has an end, at least."""
        return not (math.isnan(self.lower) and math.isnan(self.upper))

    def look_of_bracket(self, how: Format) -> Look:
        """How what stands in brackets is shown, in a column of this format."""
        own = self.look or how
        number = own if isinstance(own, Look) else LOOKS[own]
        return self.bracket_look or replace(number, signed=False, end="")


Cell = str | float | int | bool | Estimate | None


# Formats that are not here show labels or whole things; errors do not change them.
LOOKS: Mapping[Format, Look] = {
    "pp": Look(factor=100.0, decimals=1, signed=True),
    "pp2": Look(factor=100.0, decimals=2, signed=True),
    "probability": Look(decimals=2),
    "number": Look(),
    "change": Look(signed=True),
    "percent": Look(factor=100.0, decimals=1, end="%"),
    "per10000": Look(factor=10_000.0, decimals=1),
    "rhat": Look(decimals=3),
    "signed": Look(decimals=1, signed=True),
    "signed2": Look(decimals=2, signed=True),
    "ratio": Look(decimals=2),
}


def last_digit(errors: Iterable[float], how: Format) -> int | None:
    """The power of ten of the last digit to show: the smallest not below half the largest error.

    So another seed moves the last digit by a few at most. Whole errors would take the tenths of
    a percentage point from most posteriors of a few thousand draws.

    Parameters
    ----------
    errors
        Monte Carlo standard errors, as stored; what is not above 0 (NaN, too) is not known.
    how
        The format, on whose scale the power is: in `pp`, -1 stands for 0.1 percentage points.

    Returns
    -------
    None where no error is known or the format has nothing to do with errors.
    """
    known = [error for error in errors if 0.0 < error < math.inf]
    if not known or how not in LOOKS:
        return None
    # The factor is inexact in binary; what is a power of ten but for that must stay one.
    power = math.ceil(math.log10(LOOKS[how].factor * max(known) / ERRORS) - 1e-9)
    # A probability without decimals would read as certainty.
    return min(power, -1) if how == "probability" else power


def column_digit(values: Iterable[float]) -> int | None:
    """The power of ten of the last digit of a column of numbers that have no fixed decimals.

    Three significant digits of the middle one and one of the smallest, but for noughts that all
    would end in. None where that takes too many places: then each has three digits of its own.
    """
    sizes = sorted(abs(each) for each in values if each and math.isfinite(each))
    if not sizes:
        return 0
    smallest = math.floor(math.log10(sizes[0]))
    last = min(_significant(sizes[len(sizes) // 2]), smallest, 0)
    if last < -MOST_PLACES:
        return None
    while last < 0 and all(round(each, -last) == round(each, -last - 1) for each in sizes):
        last += 1
    return last


def last_shown(value: float, how: Format, last: int | None) -> int:
    """The power of ten of the last digit that `shown` gives a finite number of this format."""
    if how not in LOOKS:
        return 0
    decimals = LOOKS[how].decimals
    if decimals is not None:
        return -decimals if last is None else max(last, -decimals)
    return _significant(value) if last is None else last


def _significant(value: float) -> int:
    """Three significant digits, but no fewer than all before the point."""
    return min(math.floor(math.log10(abs(value))) - 2, 0) if value else 0


def shown(cell: Cell, how: Format, last: int | None = None) -> str:
    """A cell as a reader sees it: signed percentage points, minus signs, gaps as an en dash.

    Parameters
    ----------
    cell
        As stored; an estimate has its number in the first line, in further ones, in brackets,
        its interval and its errors.
    how
        The column's format.
    last
        From `last_digit`; without it, the digits that the format has.
    """
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return GAP
    if isinstance(cell, Estimate):
        return _shown_estimate(cell, how, last)
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, str):
        return cell
    if isinstance(cell, float) and math.isinf(cell):
        return "∞" if cell > 0 else f"{MINUS}∞"
    text = _SHOWN[how](cell) if last is None or how not in LOOKS else _rounded(cell, how, last)
    return text.replace("-", MINUS)


def _shown_estimate(cell: Estimate, how: Format, last: int | None) -> str:
    own = cell.look or how
    if not isinstance(own, Look) and (cell.look or last is None):
        last = last_digit([cell.error], own)
    text = partial(_looking, look=own, last=last)
    lines = [f"{text(cell.median)}{cell.mark}"]
    if cell.has_interval:
        bare = replace(own, end="") if isinstance(own, Look) else own
        lower, upper = (_looking(each, bare, last) for each in (cell.lower, cell.upper))
        lines.append(f"({lower} to {upper})")
    if cell.bracket:
        text = partial(_looking, look=cell.look_of_bracket(how), last=None)
        lines.append(f"({'; '.join(map(text, cell.bracket))})")
    return "\n".join(lines)


def _looking(value: float, look: Look | Format, last: int | None) -> str:
    if not isinstance(look, Look):
        return shown(value, look, last)
    if not math.isfinite(value):
        return shown(value, "number")
    return _in_digits(value, look, -(look.decimals or 0)).replace("-", MINUS)


def pads_of(cells: Sequence[Cell], texts: Sequence[str]) -> list[tuple[str, ...]]:
    """What each line of a column's cells lacks at its right to have its point below the others'.

    Stars, brackets and further digits hang there. A writer leaves room for these characters: with
    them all numbers have the same behind their point, so that right-aligned points are aligned. A
    nought stands for any digit. Lines that are no single number lack nothing.

    Parameters
    ----------
    cells
        Of one column.
    texts
        As they are shown.
    """
    hanging = [
        [
            Counter(re.sub(r"\d", "0", BEFORE_POINT.sub("", line, count=1))) if single else None
            for line, single in zip(text.split("\n"), _single(cell), strict=False)
        ]
        for cell, text in zip(cells, texts, strict=True)
    ]
    every: Counter[str] = Counter()
    for own in hanging:
        for each in own:
            every |= each or every
    return [
        tuple("".join((every - each).elements()) if each is not None else "" for each in own)
        for own in hanging
    ]


def _single(cell: Cell) -> Iterator[bool]:
    """Line by line, whether a cell's text is one number; what has further lines is text."""
    if isinstance(cell, Estimate):
        yield math.isfinite(cell.median)
        yield from [False] * cell.has_interval
        yield from [len(cell.bracket) == 1] * bool(cell.bracket)
        return
    yield isinstance(cell, int | float) and not isinstance(cell, bool) and math.isfinite(cell)
    yield from repeat(False)


def _rounded(value: float, how: Format, last: int) -> str:
    look, last = LOOKS[how], last_shown(value, how, last)
    decimals = max(-last, 0)
    if how == "probability" and value not in (0.0, 1.0):
        unit = 10.0**last
        if 1.0 - unit / 2 <= value < 1.0:
            return f">{1.0 - unit:.{decimals}f}"
        if 0.0 < value < unit / 2:
            return f"<{unit:.{decimals}f}"
    return _in_digits(value, look, last)


def _in_digits(value: float, look: Look, last: int) -> str:
    rounded = round(look.factor * value, -last)
    sign = "+" if look.signed and rounded else ""
    # Nought has no sign: which side of it a number is on is what its error leaves open.
    return f"{rounded or 0.0:{sign},.{max(-last, 0)}f}{look.end}"


_SHOWN: Mapping[Format, Callable[[float], str]] = {
    "text": lambda x: f"{x:g}",
    "pp": lambda x: f"{100 * x:+.1f}",
    "probability": lambda x: (
        ">0.99" if 0.995 <= x < 1 else "<0.01" if 0 < x < 0.005 else f"{x:.2f}"
    ),
    "number": lambda x: f"{x:.3g}" if abs(x) < 100 else f"{x:,.0f}",
    "change": lambda x: f"{x:+.3g}" if abs(x) < 100 else f"{x:+,.0f}",
    "integer": lambda x: f"{x:,.0f}",
    "percent": lambda x: f"{100 * x:.1f}%",
    "per10000": lambda x: f"{10_000 * x:.1f}",
    "year": lambda x: f"{x:.0f}" if x else GAP,
    "pp2": lambda x: f"{100 * x:+.2f}",
    "rhat": lambda x: f"{x:.3f}",
    "signed": lambda x: f"{x:+.1f}",
    "signed2": lambda x: f"{x:+.2f}",
    "ratio": lambda x: f"{x:.2f}",
}
