"""One table object, written as CSV (full precision) or Markdown and HTML (readable)."""

import csv
import html
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from sofs_bayes.spec import Evidence

Cell = str | float | int | bool | None
Format = Literal[
    "text",
    "pp",
    "pp2",
    "probability",
    "number",
    "integer",
    "percent",
    "year",
    "rhat",
    "signed",
    "signed2",
]

Holds = Literal["", "children", "events", "rate", "extreme"]

EVIDENCE_LINES: Mapping[Evidence, str] = {
    "published": "Evidence: printed in the report.",
    "published-inferred": "Evidence: computed from what the report prints (published-inferred).",
    "synthetic": "Evidence: simulated (synthetic). It says nothing about Signs of Safety.",
    "open-data": "Evidence: Department for Education open data on whole authorities (open-data).",
    "records": "Evidence: children's records.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column: key in CSV, heading for readers, how its numbers are shown, what they are of.

    `holds` is for a disclosure check: counts of children, or of children with an event, in the
    line's group; a rate of events among them; a smallest or largest child's value. Empty for
    labels and for what models estimate.
    """

    key: str
    heading: str
    format: Format = "text"
    holds: Holds = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Columns and rows with title, notes, evidence and, where refused by a check, its status.

    `errors` has, by column key, the Monte Carlo standard error of each row's number, NaN where
    it has none; it decides how many digits are shown.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    evidence: Evidence
    notes: tuple[str, ...] = ()
    status: str = "converged"
    errors: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def caption(self) -> str:
        """The title, with the refusal in front where a check refused the result."""
        return self.title if self.status == "converged" else f"NOT CONVERGED: {self.title}"


def table_of(
    name: str,
    title: str,
    items: Sequence[Any],
    columns: Sequence[Column],
    *,
    evidence: Evidence,
    notes: Sequence[str] = (),
    status: str = "converged",
) -> Table:
    """A table whose cells are the attributes of dataclass objects named by the columns' keys."""
    rows = tuple(tuple(getattr(item, column.key) for column in columns) for item in items)
    return Table(
        name=name,
        title=title,
        columns=tuple(columns),
        rows=rows,
        evidence=evidence,
        notes=tuple(notes),
        status=status,
    )


def to_csv(table: Table) -> str:
    """The table as CSV: keys as header, numbers at full precision, gaps empty.

    The last columns say in every line what the table rests on and whether a check refused it.
    """
    own = [column.key for column in table.columns]
    added = {"evidence": table.evidence, "status": table.status}
    missing = [key for key in added if key not in own]
    rows = [(*row, *(added[key] for key in missing)) for row in table.rows]
    return _csv([*own, *missing], rows)


def rows_to_csv(kind: type, items: Sequence[Any]) -> str:
    """Dataclass rows as CSV, a column per field of `kind`."""
    names = [each.name for each in fields(kind)]
    return _csv(names, [tuple(getattr(item, name) for name in names) for item in items])


def _csv(header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    return "".join(_csv_line([_exact(cell) for cell in row]) for row in (header, *rows))


def _csv_line(cells: Sequence[str]) -> str:
    """A line that ends in a line feed alone; with it as its own, csv leaves "\\r" unquoted."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue().removesuffix("\r\n") + "\n"


def _exact(cell: Cell) -> str:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return repr(float(cell)) if isinstance(cell, float) else str(cell)


def shown(cell: Cell, how: Format) -> str:
    """A cell as a reader sees it: signed percentage points, minus signs, gaps as an en dash."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return "–"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, str):
        return cell
    if isinstance(cell, float) and math.isinf(cell):
        return "∞" if cell > 0 else "−∞"
    return _SHOWN[how](cell).replace("-", "\N{MINUS SIGN}")


_SHOWN: Mapping[Format, Callable[[float], str]] = {
    "text": lambda x: f"{x:g}",
    "pp": lambda x: f"{100 * x:+.1f}",
    "probability": lambda x: (
        ">0.99" if 0.995 <= x < 1 else "<0.01" if 0 < x < 0.005 else f"{x:.2f}"
    ),
    "number": lambda x: f"{x:.3g}" if abs(x) < 100 else f"{x:,.0f}",
    "integer": lambda x: f"{x:,.0f}",
    "percent": lambda x: f"{100 * x:.1f}%",
    "year": lambda x: f"{x:.0f}" if x else "–",
    "pp2": lambda x: f"{100 * x:+.2f}",
    "rhat": lambda x: f"{x:.3f}",
    "signed": lambda x: f"{x:+.1f}",
    "signed2": lambda x: f"{x:+.2f}",
}


def _cells(table: Table) -> list[list[str]]:
    formats = [column.format for column in table.columns]
    return [[shown(c, f) for c, f in zip(row, formats, strict=True)] for row in table.rows]


def to_markdown(table: Table) -> str:
    """The table as Markdown with its caption, notes and evidence line."""
    heads = [column.heading for column in table.columns]
    rule = ["---" if column.format == "text" else "---:" for column in table.columns]
    lines = [_markdown_row(heads), _markdown_row(rule), *map(_markdown_row, _cells(table))]
    notes = [*table.notes, EVIDENCE_LINES[table.evidence]]
    return "\n".join([f"**{table.caption}**", "", *lines, "", *notes, ""])


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def to_html(table: Table) -> str:
    """The table as an HTML fragment with caption, column scopes, notes and evidence line."""
    out = [f'<table id="{html.escape(table.name)}"><caption>{html.escape(table.caption)}</caption>']
    kinds = ["text" if column.format == "text" else "num" for column in table.columns]
    heads = "".join(
        f'<th scope="col" class="{kind}">{html.escape(column.heading)}</th>'
        for column, kind in zip(table.columns, kinds, strict=True)
    )
    out.append(f"<thead><tr>{heads}</tr></thead><tbody>")
    for row in _cells(table):
        first = f'<th scope="row">{html.escape(row[0])}</th>'
        rest = "".join(
            f'<td class="{kind}">{html.escape(cell)}</td>'
            for cell, kind in zip(row[1:], kinds[1:], strict=True)
        )
        out.append(f"<tr>{first}{rest}</tr>")
    notes = " ".join([*table.notes, EVIDENCE_LINES[table.evidence]])
    out.append(f'</tbody></table><p class="note">{html.escape(notes)}</p>')
    return f'<div class="table">{"".join(out)}</div>'
