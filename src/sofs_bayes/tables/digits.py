"""A cell → its text: with the digits its format has, or with those Monte Carlo error leaves."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Format = Literal[
    "text",
    "pp",
    "pp2",
    "probability",
    "number",
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A median with its interval in one cell, where a table has no room for three columns.

    `error` is the largest Monte Carlo standard error of the three, NaN where none is known.
    """

    median: float
    lower: float
    upper: float
    error: float = math.nan


Cell = str | float | int | bool | Estimate | None


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


# Formats that are not here show labels or whole things; errors do not change them.
LOOKS: Mapping[Format, Look] = {
    "pp": Look(factor=100.0, decimals=1, signed=True),
    "pp2": Look(factor=100.0, decimals=2, signed=True),
    "probability": Look(decimals=2),
    "number": Look(),
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
        As stored; an estimate has two lines: its median, and its interval in brackets.
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
    last = last_digit([cell.error], how) if last is None else last
    median, lower, upper = (shown(x, how, last) for x in (cell.median, cell.lower, cell.upper))
    if lower == upper == GAP:
        return median
    return f"{median}\n({lower} to {upper})"


def _rounded(value: float, how: Format, last: int) -> str:
    look, last = LOOKS[how], last_shown(value, how, last)
    decimals = max(-last, 0)
    if how == "probability" and value not in (0.0, 1.0):
        unit = 10.0**last
        if 1.0 - unit / 2 <= value < 1.0:
            return f">{1.0 - unit:.{decimals}f}"
        if 0.0 < value < unit / 2:
            return f"<{unit:.{decimals}f}"
    rounded = round(look.factor * value, -last)
    sign = "+" if look.signed and rounded else ""
    # Nought has no sign: which side of it a number is on is what its error leaves open.
    return f"{rounded or 0.0:{sign},.{decimals}f}{look.end}"


_SHOWN: Mapping[Format, Callable[[float], str]] = {
    "text": lambda x: f"{x:g}",
    "pp": lambda x: f"{100 * x:+.1f}",
    "probability": lambda x: (
        ">0.99" if 0.995 <= x < 1 else "<0.01" if 0 < x < 0.005 else f"{x:.2f}"
    ),
    "number": lambda x: f"{x:.3g}" if abs(x) < 100 else f"{x:,.0f}",
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
