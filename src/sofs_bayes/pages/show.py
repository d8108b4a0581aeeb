"""Tables, pictures and sentences shown where they are asked for: in a notebook, or as text."""

import builtins
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sofs_bayes.errors import BadInput
from sofs_bayes.spec import Evidence
from sofs_bayes.tables.formats import EVIDENCE_LINES, Table, notebook_html, to_markdown

if TYPE_CHECKING:
    from sofs_bayes.figures import Drawing

DPI = 110  # of pictures in notebooks, which are wide enough to be read at that

# A hyphen in front of a number that is no part of a word or range.
MINUS = re.compile(r"(?<![\w\N{EN DASH}.-])-(?=\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """What a notebook takes: contents by media type, and what is known about them."""

    contents: Mapping[str, Any]
    metadata: Mapping[str, Any]

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return dict(self.contents), dict(self.metadata)


def show(*things: "Table | Drawing | Path | str", evidence: Evidence | None = None) -> None:
    """Show tables, drawings, sentences and Markdown files, one below the other.

    In a notebook a table is shown as HTML, a drawing as a picture that carries its alt text, and
    a sentence as a paragraph. Elsewhere all of it is printed: tables as Markdown, drawings as
    their alt text.

    Parameters
    ----------
    things
        A string is a sentence, shown as it stands. A path is that of a Markdown file, such as
        those that verbs write.
    evidence
        What sentences rest on; it is said in front of them. Tables and drawings say it
        themselves.

    Raises
    ------
    BadInput
        Something else, or a path that is no Markdown file.

    Examples
    --------
    >>> sb.show("The effect is unknown.", evidence="published")
    [published] The effect is unknown.
    <BLANKLINE>
    """
    display = getattr(builtins, "display", None)  # IPython puts it there
    for shown in [_shown(thing, evidence) for thing in things]:
        if display is None:
            print(shown.contents["text/plain"], end="\n\n")
        else:
            display(shown)


def _shown(thing: Any, evidence: Evidence | None) -> _Shown:
    if isinstance(thing, str):
        mark = f"[{evidence}] " if evidence else ""
        tag = f'<strong class="evidence">{escape(mark.strip())}</strong> ' if evidence else ""
        why = f' title="{escape(EVIDENCE_LINES[evidence])}"' if evidence else ""
        text = escape(MINUS.sub("\N{MINUS SIGN}", thing))
        return _Shown(
            contents={"text/plain": mark + thing, "text/html": f"<p{why}>{tag}{text}</p>"},
            metadata={},
        )
    if isinstance(thing, Table):
        contents = {"text/plain": to_markdown(thing), "text/html": notebook_html(thing)}
        return _Shown(contents=contents, metadata={})
    if isinstance(thing, Path):
        text = _markdown(thing)
        return _Shown(contents={"text/plain": text, "text/markdown": text}, metadata={})
    if hasattr(thing, "figure") and hasattr(thing, "alt"):
        return _picture(thing)
    found = type(thing).__name__
    raise BadInput("show", "", found, "a table, a drawing, a sentence, or a Markdown file's path")


def _picture(drawing: "Drawing") -> _Shown:
    png = BytesIO()
    plain = {"Software": None, "Title": drawing.name, "Description": drawing.alt}
    drawing.figure.savefig(png, format="png", dpi=DPI, metadata=plain, facecolor="white")
    return _Shown(
        contents={"text/plain": f"Figure: {drawing.alt}", "image/png": png.getvalue()},
        metadata={"image/png": {"alt": drawing.alt}},
    )


def _markdown(path: Path) -> str:
    if path.suffix != ".md" or not path.is_file():
        raise BadInput(path, "", "no Markdown file", "a file that ends in .md")
    return path.read_text(encoding="utf-8")
