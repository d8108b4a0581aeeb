"""Parts → one self-contained page, with its tables and figures as files beside it."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sofs_bayes.reporting.figures import Drawing, save
from sofs_bayes.reporting.tables import Table, to_csv, to_html, to_markdown


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A stretch of the page: what is said, shown and tabulated, in that order.

    Tables in `folded` are there for those who open them; figures in `beside` are written to
    the folder only.
    """

    heading: str
    anchor: str
    level: int = 2
    paragraphs: tuple[str, ...] = ()
    bullets: tuple[str, ...] = ()
    figures: tuple[Drawing, ...] = ()
    tables: tuple[Table, ...] = ()
    folded: tuple[Table, ...] = ()
    beside: tuple[Drawing, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page: title, the sentence below it, parts, where it comes from, `converged` or not."""

    title: str
    heading: str
    lead: str
    parts: tuple[Part, ...]
    files: str
    provenance: tuple[str, ...]
    status: str


def write_page(folder: Path, page: Page, *, further: Sequence[Table] = ()) -> None:
    """Write `index.html`, `tables/` (CSV and Markdown) and `figures/` (PNG, PDF, data).

    Parameters
    ----------
    folder
        An existing folder.
    further
        Tables that are written beside the page only.
    """
    (folder / "tables").mkdir()
    tables = [table for part in page.parts for table in (*part.tables, *part.folded)]
    for table in (*tables, *further):
        (folder / "tables" / f"{table.name}.csv").write_text(to_csv(table), encoding="utf-8")
        (folder / "tables" / f"{table.name}.md").write_text(to_markdown(table), encoding="utf-8")
    for part in page.parts:
        for drawing in (*part.figures, *part.beside):
            save(drawing, folder / "figures")
    images = {
        drawing.name: _embedded(folder / "figures" / f"{drawing.name}.png")
        for part in page.parts
        for drawing in part.figures
    }
    (folder / "index.html").write_text(_render(page, images), encoding="utf-8")


def _embedded(png: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(png.read_bytes()).decode("ascii")


def _render(page: Page, images: Mapping[str, str]) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("sofs_bayes.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html").render(
        page=page,
        images=images,
        converged=page.status == "converged",
        table=lambda table: Markup(to_html(table)),
        minus=lambda text: re.sub(r"(?<![\w\N{EN DASH}.-])-(?=\d)", "\N{MINUS SIGN}", text),
    )
