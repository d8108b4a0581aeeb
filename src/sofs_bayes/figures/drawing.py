"""A picture with its alt text and its numbers, as wide as a page or a telephone, and its files."""

import html
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from sofs_bayes.errors import BadInput
from sofs_bayes.figures.canvas import CONVERGED, Canvas
from sofs_bayes.figures.style import STYLE
from sofs_bayes.spec import check_name
from sofs_bayes.tables.formats import rows_to_csv

COLOURS = 256  # of a picture of pixels
Chart = Callable[[Canvas], Figure]  # `dots` or `curves`, all but the canvas given


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A picture, what it says in words, and the rows it was drawn from.

    Attributes
    ----------
    name
        Stem of the files.
    canvas, chart
        What is said around the picture, and what draws it when it is first looked at.
    alt
        One to three sentences for those who cannot see it, with its main numbers.
    data
        (row type, rows), written as CSV beside the picture.
    """

    name: str
    canvas: Canvas
    chart: Chart
    alt: str
    data: tuple[type, tuple[Any, ...]]
    made: dict[float, Figure] = field(default_factory=dict, repr=False, compare=False)

    @property
    def figure(self) -> Figure:
        """The picture (matplotlib) as wide as a page."""
        return self.at(STYLE.width)

    def at(self, width: float) -> Figure:
        """The picture so many inches wide: laid out anew, its letters of the same size."""
        if width not in self.made:
            self.made[width] = self.chart(replace(self.canvas, width=width))
        return self.made[width]

    def png(self, *, width: float = STYLE.width, dpi: int = STYLE.screen_dpi) -> bytes:
        """The picture as PNG, so many inches wide, with the alt text as its description."""
        return _picture(self, "png", _metadata(self)["png"], figure=self.at(width), dpi=dpi)


def drawn(canvas: Canvas, chart: Chart, alt: str, kind: type, rows: Sequence[Any]) -> Drawing:
    """The drawing of rows of a kind; its words open with it if the result was refused."""
    refused = "" if canvas.status == CONVERGED else "Not converged, so not a result. "
    data = (kind, tuple(rows))
    return Drawing(name=canvas.name, canvas=canvas, chart=chart, alt=refused + alt, data=data)


def save(
    drawing: Drawing, folder: Path, formats: Sequence[str] = ("png", "pdf")
) -> tuple[Path, ...]:
    """Write a drawing as pictures and name.csv; the same drawing gives the same bytes.

    The alt text goes into the PNG as `Description`, into the PDF as `Subject` and into the SVG as
    `desc`, which screen readers read out. The SVG's text is drawn as outlines: it looks the same
    without the font. PDF and SVG hold the numbers that were drawn, to six digits or more, so that
    they can be read back. The folder is made where it is missing.

    Raises
    ------
    BadInput
        A format other than png, pdf and svg, or a name that is no file name.
    OSError
        The folder cannot be written; who makes it as a whole says which one was asked for.
    """
    metadata = _metadata(drawing)
    for wanted in formats:
        if wanted not in metadata:
            raise BadInput(f"figure {drawing.name}", "format", repr(wanted), ", ".join(metadata))
    check_name("figure", "name", drawing.name, parts=2)  # of its run, and its own
    csv_path = folder / f"{drawing.name}.csv"
    pictures = tuple(folder / f"{drawing.name}.{wanted}" for wanted in formats)
    folder.mkdir(parents=True, exist_ok=True)
    for path, wanted in zip(pictures, formats, strict=True):
        path.write_bytes(_picture(drawing, wanted, metadata[wanted], figure=drawing.figure))
    kind, rows = drawing.data
    csv_path.write_text(rows_to_csv(kind, rows, **_said(drawing.canvas)), encoding="utf-8")
    return (*pictures, csv_path)


def _said(canvas: Canvas) -> dict[str, str]:
    """What the rows rest on, where they do not say it themselves; those of several sources do."""
    evidence = {"evidence": canvas.evidence[0]} if len(canvas.evidence) == 1 else {}
    return {**evidence, "status": canvas.status}


def _picture(
    drawing: Drawing,
    wanted: str,
    metadata: dict[str, Any],
    *,
    figure: Figure,
    dpi: int = STYLE.dpi,
) -> bytes:
    found = io.BytesIO()
    given: dict[str, Any] = {} if wanted == "png" else {"metadata": metadata}
    # Names of an SVG's parts are random but for this setting, which savefig takes no argument for.
    with rc_context({"svg.hashsalt": drawing.name, "svg.fonttype": "path"}):
        figure.savefig(
            found,
            format="rgba" if wanted == "png" else wanted,
            dpi=dpi,
            facecolor="white",
            edgecolor="white",
            **given,
        )
    if wanted == "png":
        width, height = (int(inches * dpi) for inches in figure.get_size_inches())
        return _packed(Image.frombytes("RGBA", (width, height), found.getvalue()), metadata, dpi)
    if wanted == "pdf":
        return found.getvalue()
    return _described(found.getvalue().decode("utf-8"), drawing).encode("utf-8")


def _packed(picture: Image.Image, metadata: Mapping[str, str], dpi: int) -> bytes:
    """A PNG with a palette, which lines and letters do with: a third of the bytes."""
    found, texts = io.BytesIO(), PngInfo()
    for name, text in metadata.items():
        texts.add_itxt(name, text)
    plain = picture.convert("RGB").quantize(COLOURS, method=Image.Quantize.FASTOCTREE)
    plain.save(found, format="png", pnginfo=texts, dpi=(dpi, dpi))
    return found.getvalue()


def _described(svg: str, drawing: Drawing) -> str:
    """The SVG as one image with a title and a description, for screen readers."""
    title, words = f"{drawing.name}-title", f"{drawing.name}-description"
    start = svg.index("<svg ") + len("<svg ")
    body = svg.index(">", start) + 1
    name = html.escape(drawing.name.replace("-", " ").capitalize(), quote=False)
    return (
        f'{svg[:start]}role="img" aria-labelledby="{title} {words}" {svg[start:body]}'
        f'\n <title id="{title}">{name}</title>'
        f'\n <desc id="{words}">{html.escape(drawing.alt, quote=False)}</desc>{svg[body:]}'
    )


def _metadata(drawing: Drawing) -> Mapping[str, dict[str, Any]]:
    """No date and no version, which would make every file differ from the last."""
    return {
        "png": {"Title": drawing.name, "Description": drawing.alt},
        "pdf": {
            "CreationDate": None,
            "Creator": "sofs_bayes",
            "Producer": None,
            "Title": drawing.name,
            "Subject": drawing.alt,
        },
        "svg": {"Date": None, "Creator": None, "Format": None, "Type": None},
    }
