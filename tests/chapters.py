"""The chapters, and what holds of everything that one of them prints."""

import re
from pathlib import Path
from typing import get_args

import jupytext

from sofs_bayes.spec import Evidence
from sofs_bayes.tables.formats import EVIDENCE_LINES

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
CHAPTERS = sorted(NOTEBOOKS.glob("[0-9][0-9]-*.py"))
OPEN_DATA = next(path for path in CHAPTERS if path.stem == "03-open-data")


def prose(path: Path) -> list[str]:
    """The texts of a chapter's Markdown cells."""
    return [cell.source for cell in jupytext.read(path).cells if cell.cell_type == "markdown"]


def rests_on(path: Path) -> list[Evidence]:
    """The kinds of evidence that a chapter names at its top."""
    top = prose(path)[0].split("**Question.**", maxsplit=1)[0]
    return [each for each in get_args(Evidence) if f"`{each}`" in top]


def is_whole(said: str) -> None:
    """Nothing that was printed is a gap, or did not converge."""
    assert "nan" not in re.findall(r"\w+", said.lower())
    assert "not converged" not in said.lower()


def shows_what_it_rests_on(path: Path, said: str) -> None:
    """Results of every kind of evidence that a chapter names, and of no other."""
    for evidence in get_args(Evidence):
        shown = f"[{evidence}]" in said or EVIDENCE_LINES[evidence] in said
        assert shown == (evidence in rests_on(path)), evidence
