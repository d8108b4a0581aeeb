"""The table object, and what readers see of it: lines of text, headings, notes."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

from sofs_bayes.spec import Evidence
from sofs_bayes.spec.keys import Estimand, Variant
from sofs_bayes.tables.digits import (
    Cell,
    Estimate,
    Format,
    Look,
    column_digit,
    last_digit,
    pads_of,
    shown,
)

if TYPE_CHECKING:
    import pandas as pd

Holds = Literal["", "children", "events", "rate", "extreme"]

EVIDENCE_LINES: Mapping[Evidence, str] = {
    "published": "Evidence: printed in the report.",
    "published-inferred": "Evidence: computed from what is printed (published-inferred).",
    "synthetic": "Evidence: simulated (synthetic). It says nothing about real people.",
    "open-data": "Evidence: Department for Education open data on whole authorities (open-data).",
    "unknown-origin": "Evidence: counts of unknown origin on whole authorities (unknown-origin).",
    "records": "Evidence: individual records.",
}
SUPPRESSED = "suppressed"  # in place of a number that disclosure control took away
DIGITS_NOTE = (
    "Digits: rounded to the smallest power of ten that is not below half the Monte Carlo error, the"
    " same in a whole column: that of its middle row, a median and its interval as the least exact"
    " of them."
)
ADDED = ("evidence", "status")  # said in every line of a file
# Of a key like `unpooled_lower`, what it shares with the other numbers of its interval.
OF_INTERVAL = re.compile(r"(.*?)(?:mean|median|lower|upper)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column: key in CSV, heading for readers, how its numbers are shown, what they are of.

    `holds` is for a disclosure check: counts of children, or of children with an event, in the
    line's group; a rate of events among them; a smallest or largest child's value. Empty for
    labels and for what models estimate. `group` is a heading above the headings of all
    neighbouring columns that have the same.
    """

    key: str
    heading: str
    format: Format = "text"
    holds: Holds = ""
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Columns and rows with title, notes, evidence and, where refused by a check, its status.

    `errors` has, by column key, the Monte Carlo standard error of each row's number, NaN where
    it has none; it decides how many digits are shown, the same in a whole column. Columns whose
    keys differ in nothing but mean, median, lower and upper (`unpooled_median`,
    `unpooled_lower`) share their digits. `study` says where another study than the report printed
    what the numbers are computed from. `rests` has what each row rests on, where rows rest on
    several: `evidence` is then the one that must not be missed. `bold` has the numbers of the
    rows that stand out; one of them with nothing (None) behind its first cell is a heading of the
    rows below it.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    evidence: Evidence
    notes: tuple[str, ...] = ()
    status: str = "converged"
    errors: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    bold: tuple[int, ...] = ()
    study: str = ""
    rests: tuple[Evidence, ...] = ()

    @property
    def evidence_line(self) -> str:
        """What the table rests on, in sentences; another study's print by its name."""
        if self.study:
            return f"Evidence: computed from numbers printed in {self.study} ({self.evidence})."
        kinds = dict.fromkeys((*self.rests, self.evidence))
        first, *more = (EVIDENCE_LINES[each] for each in kinds)
        also = "".join(f" Also {line.removeprefix('Evidence: ')}" for line in more)
        return f"{first}{also}"

    @property
    def caption(self) -> str:
        """The title, with the refusal in front where a check refused the result."""
        return self.title if self.status == "converged" else f"NOT CONVERGED: {self.title}"

    def to_frame(self) -> "pd.DataFrame":
        """A data frame: a column per key at full precision, with evidence and status in each row.

        An estimate with its interval has a column each for its median and ends. `attrs` has the
        title and the notes.
        """
        import pandas as pd

        frame = pd.DataFrame(list(flat_rows(self)), columns=list(flat_header(self)))
        frame.attrs |= {"title": self.title, "notes": list(self.notes)}
        return frame

    def of_rows(self, kept: Sequence[int], *notes: str) -> "Table":
        """The same table with rows of these numbers alone, in this order, and more notes."""
        return replace(
            self,
            rows=tuple(self.rows[i] for i in kept),
            rests=tuple(self.rests[i] for i in kept) if self.rests else (),
            errors={key: tuple(values[i] for i in kept) for key, values in self.errors.items()},
            bold=tuple(new for new, old in enumerate(kept) if old in self.bold),
            notes=(*notes, *self.notes),
        )

    def _repr_html_(self) -> str:
        from sofs_bayes.tables.formats import notebook_html

        return notebook_html(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row as readers see it; a heading is its first cell, above all columns.

    `pads` has, line by line of each cell, what it lacks at its right (`digits.pads_of`).
    """

    cells: tuple[str, ...]
    pads: tuple[tuple[str, ...], ...]
    bold: bool
    heading: bool


def table_of(
    name: str,
    title: str,
    items: Sequence[Any],
    columns: Sequence[Column],
    *,
    evidence: Evidence,
    notes: Sequence[str] = (),
    status: str = "converged",
    errors: Mapping[str, tuple[float, ...]] | None = None,
    study: str = "",
) -> Table:
    """A table whose cells are the attributes of dataclass objects named by the columns' keys.

    Items that are tuples are rows of cells.
    """
    rows = tuple(
        item
        if isinstance(item, tuple)
        else tuple(_in_words(getattr(item, column.key)) for column in columns)
        for item in items
    )
    return Table(
        name=name,
        title=title,
        columns=tuple(columns),
        rows=rows,
        evidence=evidence,
        notes=tuple(notes),
        status=status,
        errors=errors or {},
        study=study,
    )


def writer(write: Callable[[Table], str]) -> Callable[[Table], str]:
    """What all functions have in common that write a table as text: said once, for each."""
    write.__doc__ = f"""{(write.__doc__ or "").rstrip()}

    Parameters
    ----------
    table
        Any table of this package, or your own.

    Returns
    -------
    str
        Title, source and every row.

    Examples
    --------
    >>> "published-inferred" in sb.{write.__name__}(sb.findings_table(sb.audit()))
    True
    """
    return write


def _in_words(value: Any) -> Cell:
    cell: Cell = str(value) if isinstance(value, Estimand | Variant) else value
    return cell


# ------------------------------------------------------------------- what readers see


def lines_of(table: Table) -> tuple[Line, ...]:
    """The rows as text, with the digits that Monte Carlo errors leave."""
    formats = [column.format for column in table.columns]
    bold, digits = frozenset(table.bold), last_digits(table)
    texts = [
        tuple(shown(*cell) for cell in zip(row, formats, digits, strict=True)) for row in table.rows
    ]
    columns = zip(formats, zip(*table.rows, strict=True), zip(*texts, strict=True), strict=False)
    pads = [
        [("",)] * len(own) if how == "text" else pads_of(own, shown_so)
        for how, own, shown_so in columns
    ]
    return tuple(
        Line(
            cells=text,
            pads=pad,
            bold=i in bold,
            heading=i in bold and len(row) > 1 and all(cell is None for cell in row[1:]),
        )
        for i, (row, text, pad) in enumerate(
            zip(table.rows, texts, zip(*pads, strict=True), strict=True)
        )
    )


def last_digits(table: Table) -> tuple[int | None, ...]:
    """Column by column, the power of ten of the last digit; None where the format has its own.

    So numbers that stand at the right are aligned on the point.
    """
    found: list[int | None] = []
    decided = zip(table.columns, _together(table.columns), _by_errors(table), strict=True)
    for column, own, last in decided:
        least = None
        if column.format == "number":
            least = column_digit(x for row in table.rows for j in own for x in _numbers(row[j]))
        found.append(max((each for each in (last, least) if each is not None), default=None))
    return tuple(found)


def _by_errors(table: Table) -> Iterator[int | None]:
    """Column by column, the last digit that Monte Carlo errors leave; None where none is known.

    It is that of the middle row, the less exact of two: one row that is known worse takes no
    digit from all others.
    """
    of_columns = [_errors_of(table, column.key) for column in table.columns]
    by_row = [
        [_error_for_column(*pair) for pair in zip(row, errors, strict=True)]
        for row, errors in zip(table.rows, zip(*of_columns, strict=True), strict=True)
    ]
    for column, own in zip(table.columns, _together(table.columns), strict=True):
        each = [last_digit([row[j] for j in own], column.format) for row in by_row]
        known = sorted(last for last in each if last is not None)
        yield known[len(known) // 2] if known else None


def error_of(cell: Cell, known: float) -> float:
    """The Monte Carlo error of a cell: an estimate's own, else that known of its place, or NaN."""
    return cell.error if isinstance(cell, Estimate) and not math.isnan(cell.error) else known


def _error_for_column(cell: Cell, known: float) -> float:
    """The error, by which the column's digits are decided; NaN of a cell with a look of its own."""
    own = isinstance(cell, Estimate) and cell.look is not None
    return math.nan if own else error_of(cell, known)


def _errors_of(table: Table, key: str) -> tuple[float, ...]:
    return table.errors.get(key, (math.nan,) * len(table.rows))


def _numbers(cell: Cell) -> tuple[float, ...]:
    if isinstance(cell, Estimate):
        return () if cell.look else (cell.median, cell.lower, cell.upper)
    return (float(cell),) if isinstance(cell, int | float) else ()


def _together(columns: Sequence[Column]) -> list[list[int]]:
    """For each column, the columns of the interval it belongs to; else itself."""
    parts = [OF_INTERVAL.fullmatch(column.key) for column in columns]
    found: list[list[int]] = []
    for i, (column, part) in enumerate(zip(columns, parts, strict=True)):
        if part is None:
            found.append([i])
            continue
        alike = [
            j
            for j, (other, of) in enumerate(zip(columns, parts, strict=True))
            if of is not None and of[1] == part[1] and other.format == column.format
        ]
        found.append(alike)
    return found


def spans_of(table: Table) -> tuple[tuple[str, int], ...]:
    """The headings above headings, each with its number of columns; none without groups."""
    if not any(column.group for column in table.columns):
        return ()
    groups = groupby(table.columns, key=lambda column: column.group)
    return tuple((group, len(list(columns))) for group, columns in groups)


def notes_of(table: Table) -> tuple[str, ...]:
    """What stands below a table: its notes, what decided the digits, what it rests on."""
    decided = any(last is not None for last in _by_errors(table))
    digits = [DIGITS_NOTE] if decided else []
    return (*table.notes, *digits, table.evidence_line)


def unfolded(table: Table) -> Table:
    """The table with a column each for what an estimate has in its cell, as one calculates."""
    columns: list[Column] = []
    cells: list[list[Cell]] = [[] for _ in table.rows]
    errors = dict(table.errors)
    for i, column in enumerate(table.columns):
        own = [row[i] for row in table.rows]
        parts = [_parts(cell, column.format) for cell in own]
        keys = [key for key in PARTS if any(key in each for each in parts)] or ["median"]
        several = _unfolded(column, keys) if len(keys) > 1 else [column]
        columns += several
        for line, each in zip(cells, parts, strict=True):
            line.extend(each.get(key) for key in keys)
        if len(keys) > 1:
            known = _errors_of(table, column.key)
            errors.pop(column.key, None)
            errors[several[0].key] = tuple(map(_error_for_column, own, known))
    if len(columns) == len(table.columns):
        return table
    rows = tuple(map(tuple, cells))
    return replace(table, columns=tuple(columns), rows=rows, errors=errors)


# What an estimate has in its cell → the heading of it in a column of its own.
PARTS: Mapping[str, str] = {
    "median": "Median",
    "lower": "lower",
    "upper": "upper",
    "mark": "mark",
    "bracket": "in brackets",
    "bracket_2": "in brackets, second",
    "bracket_3": "in brackets, third",
}


def _unfolded(column: Column, keys: Sequence[str]) -> list[Column]:
    """A column for each part, under the heading of all; without intervals the number keeps its."""
    within = f"{column.group}: {column.heading}" if column.group else column.heading
    found = [
        replace(
            column,
            key=f"{column.key}_{key}",
            heading=PARTS[key],
            format="text" if key == "mark" else column.format,
            group=within,
        )
        for key in keys
    ]
    alone = "lower" not in keys
    return [replace(column, group=within), *found[1:]] if alone else found


def _parts(cell: Cell, how: Format) -> dict[str, Cell]:
    """What a cell has, by the keys of parts; what is no estimate stands with the medians."""
    if not isinstance(cell, Estimate):
        return {"median": cell}
    number = partial(_as_number, look=cell.look, error=cell.error)
    found = {"median": number(cell.median)}
    if cell.has_interval or cell.look is None:
        found |= {"lower": number(cell.lower), "upper": number(cell.upper)}
    found |= {"mark": cell.mark} if cell.mark else {}
    below = [_as_number(each, cell.look_of_bracket(how)) for each in cell.bracket]
    return found | dict(zip(("bracket", "bracket_2", "bracket_3"), below, strict=False))


def flat_header(table: Table) -> tuple[str, ...]:
    """The keys of all columns of a file; behind the table's own, evidence and status."""
    own = tuple(column.key for column in unfolded(table).columns)
    return (*own, *(key for key in ADDED if key not in own))


def flat_rows(table: Table) -> Iterator[tuple[Cell, ...]]:
    """Rows below that header, at full precision."""
    own = {column.key for column in table.columns}
    rests = table.rests or [table.evidence] * len(table.rows)
    for row, evidence in zip(unfolded(table).rows, rests, strict=True):
        added = {"evidence": evidence, "status": table.status}
        yield (*map(_plain, row), *(added[key] for key in ADDED if key not in own))


def _plain(cell: Cell) -> Cell:
    return cell.median if isinstance(cell, Estimate) else cell


def _as_number(value: float, look: Look | Format | None, error: float = math.nan) -> Cell:
    if look is None or math.isnan(value):
        return value
    return Estimate(median=value, look=look, error=error)
