"""A finished picture with its alt text and its numbers, and the three files it is saved as."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from sofs_bayes.errors import BadInput
from sofs_bayes.reporting.figures.style import STYLE
from sofs_bayes.reporting.tables import rows_to_csv

FILE_STEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A picture, what it says in words, and the rows it was drawn from.

    Attributes
    ----------
    name
        Stem of the files.
    figure
        The picture.
    alt
        One to three sentences for those who cannot see it, with its main numbers.
    data
        (row type, rows), written as CSV beside the picture.
    """

    name: str
    figure: Figure
    alt: str
    data: tuple[type, tuple[Any, ...]]


def save(
    drawing: Drawing, folder: Path, formats: Sequence[str] = ("png", "pdf")
) -> tuple[Path, ...]:
    """Write a drawing as name.png, name.pdf and name.csv; the same drawing gives the same bytes.

    The alt text goes into the PNG as `Description` and into the PDF as `Subject`. The folder
    is made where it is missing.

    Raises
    ------
    BadInput
        A format other than png and pdf, a name that is no file name, or a folder that cannot
        be written.
    """
    metadata = _metadata(drawing)
    for wanted in formats:
        if wanted not in metadata:
            raise BadInput(f"figure {drawing.name}", "format", repr(wanted), "png, pdf")
    if not FILE_STEM.fullmatch(drawing.name):
        allowed = "letters, digits, '.', '_' and '-'"
        raise BadInput("figure", "name", repr(drawing.name), allowed)
    csv_path = folder / f"{drawing.name}.csv"
    pictures = tuple(folder / f"{drawing.name}.{wanted}" for wanted in formats)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, wanted in zip(pictures, formats, strict=True):
            drawing.figure.savefig(
                path,
                format=wanted,
                dpi=STYLE.dpi,
                metadata=metadata[wanted],
                facecolor="white",
                edgecolor="white",
            )
        csv_path.write_text(rows_to_csv(*drawing.data), encoding="utf-8")
    except OSError as error:
        allowed = "a folder that can be written"
        raise BadInput(folder, "", error.strerror or "an error", allowed) from error
    return (*pictures, csv_path)


def _metadata(drawing: Drawing) -> Mapping[str, dict[str, Any]]:
    """No date and no version, which would make every file differ from the last."""
    return {
        "png": {"Software": None, "Title": drawing.name, "Description": drawing.alt},
        "pdf": {
            "CreationDate": None,
            "Creator": "sofs_bayes",
            "Producer": None,
            "Title": drawing.name,
            "Subject": drawing.alt,
        },
    }
