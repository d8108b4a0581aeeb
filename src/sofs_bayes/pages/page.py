"""Parts → one self-contained page, with its tables and figures as files beside it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sofs_bayes.figures import Drawing
from sofs_bayes.pages.figure_files import Embedded, drawn
from sofs_bayes.spec import Analysis, Evidence, OpenAnalysis, fingerprint
from sofs_bayes.spec.study import of_report
from sofs_bayes.tables.formats import PADDED, Table, to_csv, to_html, to_markdown
from sofs_bayes.tables.page_policy import closed

if TYPE_CHECKING:
    from markupsafe import Markup

State = Literal["met", "partly", "not reported"]

# What stands in front of everything that rests on simulated children.
SYNTHETIC = "Simulated children"
QUOTED = (
    "Printed results are quoted from the Signs of Safety Evaluation Addendum by What Works for"
    " Children's Social Care, who took no part in this re-analysis."
)
OPEN_COUNTS = (
    "Open data: Department for Education, Children in need and Children looked after in England;"
    " Office for National Statistics, mid-year population estimates. Contains public sector"
    " information licensed under the Open Government Licence v3.0."
)
FILES = (
    "The folder tables/ has every table of this page (CSV and Markdown), figures/ every figure"
    " (PNG, PDF and the data behind it)."
)
MADE_UP = "None of their numbers says anything about real people."


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A kind of evidence, framed: what it is, what it can say, and what it cannot."""

    evidence: Evidence
    heading: str
    lines: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckLine:
    """A line of a checklist: what is asked, whether it is there, what there is, and where.

    `links` are (text, anchor on the page).
    """

    step: str
    heading: str
    asks: str
    state: State
    has: tuple[str, ...]
    links: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explorer:
    """Threshold curves that the reader moves along.

    Attributes
    ----------
    analyses
        As JSON has them: by analysis, effect and prior the points of a curve.
    tables
        The same at some thresholds, for readers without JavaScript and for Word.
    """

    analyses: tuple[Mapping[str, object], ...]
    tables: tuple[Table, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A stretch of the page: what is said, shown and tabulated, in that order.

    Tables in `folded` are there for those who open them; figures in `beside` are written to
    the folder only. `evidence` is what all of the part rests on, shown beside its heading; an
    `annex` is closed, with all that follows it up to the next part of its level;
    `entries` are (name, what is said of it), without a name more of the same; `captions` has what
    is said below a figure, by its name.
    """

    heading: str
    anchor: str
    level: int = 2
    annex: bool = False
    evidence: Evidence | None = None
    boxes: tuple[Box, ...] = ()
    paragraphs: tuple[str, ...] = ()
    bullets: tuple[str, ...] = ()
    entries: tuple[tuple[str, str], ...] = ()
    figures: tuple[Drawing, ...] = ()
    captions: Mapping[str, str] = field(default_factory=dict)
    tables: tuple[Table, ...] = ()
    explorer: Explorer | None = None
    checklist: tuple[CheckLine, ...] = ()
    folded: tuple[Table, ...] = ()
    beside: tuple[Drawing, ...] = ()

    @property
    def holds_anything(self) -> bool:
        """Whether there is more than a heading."""
        own = (self.boxes, self.paragraphs, self.bullets, self.entries, self.figures, self.tables)
        return any((*own, self.explorer, self.checklist, self.folded))


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page: title, the sentence below it, parts, where it comes from, `converged` or not.

    `credits` names whose numbers are quoted.
    """

    title: str
    heading: str
    lead: str
    parts: tuple[Part, ...]
    files: str
    provenance: tuple[str, ...]
    status: str
    credits: tuple[str, ...] = (QUOTED, OPEN_COUNTS)


def credits_of(
    analyses: Iterable[Analysis], evidence: Iterable[Evidence | None]
) -> tuple[str, ...]:
    """Whose numbers analyses quote: the published report's, the Department's; not own counts'."""
    others = "unknown-origin" in (given := {*evidence}) and "open-data" not in given
    own = list(analyses)
    quoted = any(of_report(each) for each in own)
    counted = any(isinstance(each, OpenAnalysis) and not each.data.published for each in own)
    return (QUOTED,) * quoted + (OPEN_COUNTS,) * (counted and not others)


def write_page(folder: Path, page: Page, *, further: Sequence[Table] = ()) -> None:
    """Write `index.html`, `tables/` (CSV and Markdown) and `figures/` (PNG, PDF, data).

    Parameters
    ----------
    folder
        An existing folder.
    further
        Tables that are written beside the page only.
    """
    write_tables(folder, (*page_tables(page), *further))
    write_html(folder, page, write_figures(folder, page))


def write_result(
    folder: Path,
    analyses: Sequence[Analysis],
    parts: Iterable[Part],
    *,
    heading: str,
    lead: str,
    files: str,
    origin: Sequence[str],
    versions: Mapping[str, str],
    title: str = "",
    status: str = "converged",
) -> None:
    """Write the page on what a verb found; parts that hold nothing are left out.

    Parameters
    ----------
    folder
        An existing folder.
    analyses
        Whose numbers are quoted.
    files
        What lies beside the page but for its own tables and figures.
    origin, versions
        Where it comes from: sentences, then what made it.
    title
        Of the window; the heading by default.
    """
    shown = tuple(part for part in parts if part.holds_anything)
    page = Page(
        title=title or heading,
        heading=heading,
        lead=lead,
        parts=shown,
        files=f"{files} {FILES}",
        provenance=(*origin, versions_sentence(versions)),
        status=status,
        credits=credits_of(analyses, (part.evidence for part in shown)),
    )
    write_page(folder, page)


def analysis_sentence(analysis: Analysis, more: str = "") -> str:
    """Which analysis a page is about, to the bit."""
    return f"Analysis {analysis.name}, SHA-256 {fingerprint(analysis)}{more}."


def versions_sentence(versions: Mapping[str, str]) -> str:
    """The software that made a page."""
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"Versions: {listed or 'unknown'}."


def page_tables(page: Page) -> tuple[Table, ...]:
    """The tables of a page, those folded too, in order."""
    found: list[Table] = []
    for part in page.parts:
        explored = part.explorer.tables if part.explorer else ()
        found += [*part.tables, *explored, *part.folded]
    return tuple(found)


def write_tables(folder: Path, tables: Sequence[Table]) -> None:
    """Write `tables/` with each table as CSV and Markdown."""
    (folder / "tables").mkdir()
    for table in tables:
        (folder / "tables" / f"{table.name}.csv").write_text(to_csv(table), encoding="utf-8")
        (folder / "tables" / f"{table.name}.md").write_text(to_markdown(table), encoding="utf-8")


def write_figures(folder: Path, page: Page, *, html: bool = True) -> dict[str, Embedded]:
    """Write `figures/` with each figure as PNG, PDF and data; gives the pictures for `html`."""
    found = [(each, html) for part in page.parts for each in part.figures]
    found += [(each, False) for part in page.parts for each in part.beside]
    return drawn(folder / "figures", found)


def write_html(folder: Path, page: Page, images: Mapping[str, Embedded]) -> None:
    """Write `index.html`, each figure in it as wide as a page and, for telephones, narrow."""
    (folder / "index.html").write_text(closed(_render(page, images)), encoding="utf-8")


def figure_caption(part: Part, drawing: Drawing) -> str:
    """What is said below a figure, marked where it rests on simulated children."""
    files = f"Files: figures/{drawing.name}.png, .pdf, and the data behind it as .csv"
    said = part.captions.get(drawing.name, "")
    mark = f"{SYNTHETIC}: " if part.evidence == "synthetic" else ""
    return f"{mark}{said}{' ' if said else ''}{files}"


def _render(page: Page, images: Mapping[str, Embedded]) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("sofs_bayes.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html").render(
        page=page,
        images=images,
        converged=page.status == "converged",
        table=_scrollable,
        caption=figure_caption,
        minus=with_minus,
        padded=PADDED,
        made_up=MADE_UP,
        json=_as_json,
        states=("met", "partly", "not reported"),
    )


def _scrollable(table: Table) -> "Markup":
    """The table in a frame that the keyboard reaches, as it may be wider than the page."""
    from html import escape

    from markupsafe import Markup

    frame = f'<div class="table" role="group" tabindex="0" aria-label="{escape(table.caption)}">'
    return Markup(to_html(table).replace('<div class="table">', frame, 1))


def with_minus(text: str) -> str:
    """A text whose negative numbers have minus signs."""
    return re.sub(r"(?<![\w\N{EN DASH}.-])-(?=\d)", "\N{MINUS SIGN}", text)


def _as_json(value: object) -> "Markup":
    """A value as JSON that may stand inside a script element."""
    import json

    from markupsafe import Markup

    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c"))
