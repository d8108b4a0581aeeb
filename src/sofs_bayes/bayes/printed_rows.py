"""What is printed of one study, and which standard errors each row's print allows.

Stars, a p-value, an interval and a standard error are the same kind of fact: a range that the
row's standard error lies in. Stars and p-values give a range of |coefficient| / SE, the other
two one of the SE itself, wide as the rounding.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import copysign, inf
from typing import Literal

import numpy as np
from scipy import special

from sofs_bayes.bayes.distributions import Array
from sofs_bayes.errors import BadInput
from sofs_bayes.published.as_written import read_coefficient, read_p_value, read_positive
from sofs_bayes.published.facts import Printed, fact, read_printed
from sofs_bayes.spec import CriticalValues, PrintedAnalysis, Reading

Row = Literal["pilot", "did"]
ROWS: tuple[Row, ...] = ("pilot", "did")
DIRECTION = {"two-sided": 0, "greater": 1, "less": -1}
LEVEL = 0.95  # of an interval whose level is not given
FINEST = 1e-4  # of a standard error: more digits of it say no more


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedError:
    """What is printed of a row's error in place of stars.

    Attributes
    ----------
    cells
        The numbers: one, or the two ends of an interval.
    below
        Whether a p-value is only said to be below the number.
    level
        Of an interval.
    """

    kind: Literal["se", "p", "interval"]
    cells: tuple[Printed, ...]
    below: bool = False
    level: float = LEVEL

    @property
    def text(self) -> str:
        """What it is, and the numbers as printed."""
        return f"{self.kind} {' to '.join(each.text for each in self.cells)}"

    @property
    def said(self) -> str:
        """The same in words."""
        kinds = {"se": "standard error", "p": "p", "interval": f"{100 * self.level:g}% interval"}
        return f"{kinds[self.kind]} {' to '.join(each.text.strip('()[] ') for each in self.cells)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedRows:
    """The pilot difference (None where it is not printed) and the DiD of one column."""

    pilot: Printed | None
    did: Printed
    pilot_error: PrintedError | None = None
    did_error: PrintedError | None = None

    def each(self) -> Iterator[tuple[Row, Printed, PrintedError | None]]:
        """Name, cell and error of each row that is printed."""
        if self.pilot is not None:
            yield "pilot", self.pilot, self.pilot_error
        yield "did", self.did, self.did_error

    @property
    def text(self) -> str:
        """The rows as printed."""
        return ", ".join(" ".join(_texts(cell, error)) for _, cell, error in self.each())


def _texts(cell: Printed, error: PrintedError | None) -> Iterator[str]:
    yield cell.text
    if error is not None:
        yield f"({error.text})"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowTest:
    """The test behind a row's stars or p-value.

    Attributes
    ----------
    critical
        The test statistic beyond which one, two, ... stars are printed.
    direction
        0 two-sided; 1 and -1 where only a positive or a negative coefficient can have stars.
    df
        Degrees of freedom of a t distribution; None for the normal.
    """

    critical: tuple[float, ...]
    direction: int = 0
    df: float | None = None

    def quantile(self, tail: float) -> float:
        """The value with so much probability above it."""
        found = special.ndtri(tail) if self.df is None else special.stdtrit(self.df, tail)
        return -float(found)

    def p_value(self, ratio: Array) -> Array:
        """P-values of coefficients over their standard errors."""
        at = -np.abs(ratio) if self.direction == 0 else -self.direction * ratio
        tail = special.ndtr(at) if self.df is None else special.stdtr(self.df, at)
        return np.asarray((2 if self.direction == 0 else 1) * tail)


def row_test(rule: CriticalValues, row: Row) -> RowTest:
    """The test of a row: what the key says of all, but for what it says of this one."""
    own = getattr(rule, row)
    levels = (own and own.star_levels) or rule.star_levels
    alternative = (own and own.alternative) or rule.alternative or "two-sided"
    direction = DIRECTION[alternative]
    bare = RowTest(critical=(), direction=direction, df=rule.df)
    tails = [level / 2 if direction == 0 else level for level in levels]
    return RowTest(
        critical=tuple(bare.quantile(tail) for tail in tails), direction=direction, df=rule.df
    )


# ------------------------------------------------------------------------------- reading


def printed_rows(analysis: PrintedAnalysis, reading: Reading) -> PrintedRows:
    """The rows of an analysis; a reading may take their stars from another column.

    Raises
    ------
    BadInput
        A cell does not exist, is a gap such as N/A, cannot be read in one way only, is beyond
        the scale, or has more stars than star levels; an interval not around its coefficient.
    """
    if analysis.as_printed is None:
        assert analysis.from_table is not None  # the spec asks for exactly one of the two
        place = analysis.from_table
        pilot, did = (_cell(analysis, reading, row) for row in (place.pilot_row, place.did_row))
        return PrintedRows(pilot=pilot, did=did)
    written = analysis.as_printed
    cells = {
        row: _number(getattr(written, row), f"as_printed.{row}", analysis, row, read_coefficient)
        for row in ROWS
        if getattr(written, row) is not None
    }
    errors = {row: _error(analysis, row, cell) for row, cell in cells.items()}
    for row, cell in cells.items():
        _check_agreed(analysis, row, cell, errors[row])
    return PrintedRows(
        pilot=cells.get("pilot"),
        did=cells["did"],
        pilot_error=errors.get("pilot"),
        did_error=errors["did"],
    )


def _cell(analysis: PrintedAnalysis, reading: Reading, row: str) -> Printed:
    assert analysis.from_table is not None
    table, column = analysis.from_table.table, analysis.from_table.column
    text = fact(table, row, column).printed.text
    where = f"Table {table}, {row}, {column}"
    which: Row = "pilot" if row == analysis.from_table.pilot_row else "did"
    cell = _number(text, where, analysis, which, read_printed)
    if reading.stars_from is None:
        return cell
    other = fact(table, row, reading.stars_from).printed
    where = f"Table {table}, {row}, {reading.stars_from}"
    stars = _number(other.text, where, analysis, which, read_printed).stars
    return read_printed(text.rstrip("*") + "*" * stars)


def _number(
    text: str, where: str, analysis: PrintedAnalysis, row: Row, read: Callable[[str], Printed]
) -> Printed:
    """A coefficient, checked against the scale and the key to the stars."""
    cell = _read(read, text, where, analysis)
    levels = len(row_test(analysis.critical_values, row).critical)
    if cell.value is None:
        raise BadInput(analysis.name, where, repr(text), "a number, as in -0.0635*")
    if cell.stars > levels:
        raise BadInput(
            analysis.name, where, f"{cell.stars} stars", f"at most {levels} (star_levels)"
        )
    if analysis.design.scale == "risk" and abs(cell.value) > 1:
        allowed = 'from -1 to 1 on the scale "risk" (-0.018 for -1.8 points), or scale = "units"'
        raise BadInput(analysis.name, where, repr(text), allowed)
    return cell


def _read[Read](
    read: Callable[[str], Read], text: str, where: str, analysis: PrintedAnalysis
) -> Read:
    try:
        return read(text)
    except ValueError as error:
        allowed = "a number with stars" if read is read_printed else str(error)
        raise BadInput(analysis.name, where, repr(text), allowed) from error


def _error(analysis: PrintedAnalysis, row: Row, cell: Printed) -> PrintedError | None:
    """What is printed of a row's error, if anything is."""
    assert analysis.as_printed is not None
    for kind, text in analysis.as_printed.errors(row).items():
        where = f"as_printed.{row}_{kind}"
        if kind == "se":
            return PrintedError(kind="se", cells=(_read(read_positive, text, where, analysis),))
        if kind == "p":
            value, below = _read(read_p_value, text, where, analysis)
            return PrintedError(kind="p", cells=(value,), below=below)
        return _interval(analysis, where, text, cell)
    return None


def _interval(
    analysis: PrintedAnalysis, where: str, texts: tuple[str, str], cell: Printed
) -> PrintedError:
    ends = tuple(_read(read_coefficient, text, where, analysis) for text in texts)
    assert analysis.as_printed is not None
    (low, half), (high, other) = map(value_and_half_unit, ends)
    value, own = value_and_half_unit(cell)
    rounding = own + (half + other) / 2
    if not low < high or abs((low + high) / 2 - value) > rounding * (1 + 1e-9):
        found = " to ".join(texts)
        allowed = "an interval around the coefficient, on its own scale: it minus and plus the same"
        raise BadInput(analysis.name, where, repr(found), allowed)
    level = analysis.as_printed.interval_level or LEVEL
    return PrintedError(kind="interval", cells=ends, level=level)


def _check_agreed(
    analysis: PrintedAnalysis, row: Row, cell: Printed, error: PrintedError | None
) -> None:
    """Refuse an error that no test would give so many stars: a t value typed as an error, say."""
    if error is None or not cell.stars:
        return
    value, half = value_and_half_unit(cell)
    # The normal gives the most stars, and rounding as many as it can.
    test = row_test(replace(analysis.critical_values, distribution="normal", df=None), row)
    at = np.array([copysign(abs(value) + half, value)])
    _, most = se_range(at, cell, test)
    least, _ = se_range(at, cell, test, error)
    if least > most:
        found = f"{cell.text!r} beside {error.text}"
        allowed = "no more stars than such an error gives, or none; a t value is no error"
        raise BadInput(analysis.name, f"as_printed.{row}", found, allowed)


def value_and_half_unit(cell: Printed) -> tuple[float, float]:
    """A printed number and its largest rounding error."""
    if cell.value is None:
        raise BadInput("printed cell", "", repr(cell.text), "a number, as in -0.0635*")
    return cell.value, cell.half_unit


# --------------------------------------------------------------- standard errors it allows


def se_range(
    coefficient: Array, cell: Printed, test: RowTest, error: PrintedError | None = None
) -> tuple[Array, Array]:
    """The standard errors that a row's print allows, at each value of its coefficient.

    k stars: |b| / z_{k+1} <= SE < |b| / z_k, with z_0 = 0 and no upper star class. Where nothing
    is allowed both ends are 0.

    Parameters
    ----------
    coefficient
        Values that round to the printed one, any shape.
    """
    if error is None:
        return _of_ratio(coefficient, test, *_star_class(cell, test))
    if error.kind == "p":
        return _of_ratio(coefficient, test, *_ratios(error, test))
    (low, half), (high, other) = map(value_and_half_unit, (error.cells[0], error.cells[-1]))
    if error.kind == "interval":
        times = 2 * RowTest(critical=(), df=test.df).quantile((1 - error.level) / 2)
        middle, half = (high - low) / times, (half + other) / times
    else:
        middle = low
    half = max(half, FINEST * middle)
    ones = np.ones_like(coefficient)
    return max(middle - half, 0.0) * ones, (middle + half) * ones


def _star_class(cell: Printed, test: RowTest) -> tuple[float, float]:
    """The test statistics that print this number of stars."""
    least = -inf if test.direction else 0.0
    steps = (least, *test.critical, inf)
    return steps[cell.stars], steps[cell.stars + 1]


def _ratios(error: PrintedError, test: RowTest) -> tuple[float, float]:
    """The test statistics whose p-value is printed so."""
    value, half = value_and_half_unit(error.cells[0])
    low, high = (0.0, value) if error.below else (max(value - half, 0.0), min(value + half, 1.0))
    sides = 1 if test.direction else 2
    return test.quantile(high / sides), test.quantile(low / sides)


def _of_ratio(coefficient: Array, test: RowTest, low: float, high: float) -> tuple[Array, Array]:
    """Standard errors that put a coefficient over its error between two statistics."""
    size = np.abs(coefficient)
    along = size if test.direction == 0 else test.direction * coefficient
    bottom = np.maximum(np.where(along >= 0, low, -high), 0.0)
    top = np.where(along >= 0, high, -low)
    with np.errstate(divide="ignore", invalid="ignore"):
        least = np.where(top > 0, size / top, 0.0)
        most = np.where(bottom > 0, size / bottom, inf)
    return least, np.where(top > 0, most, 0.0)
