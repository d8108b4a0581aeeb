"""How pictures look, and how much room a text takes in that look."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ft2font import LoadFlags

Look = Mapping[str, Any]  # arguments of a line


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """Sizes (points, inches) and colours, which differ in lightness as much as in hue.

    `narrow` is the width on a telephone (390 pixels less its margins), where text of `small` is
    11 pixels high; `dpi` is that of files for print, `screen_dpi` that of pages.
    """

    family: str = "DejaVu Sans"
    title: float = 11.5
    text: float = 9.0
    small: float = 8.0
    line_height: float = 1.35
    width: float = 7.4
    narrow: float = 3.6
    margin: float = 0.16
    dpi: int = 300
    screen_dpi: int = 160
    ink: str = "#1a1a1a"
    soft: str = "#5c5c5c"
    faint: str = "#dcdcdc"
    strong: str = "#0b3d6b"
    second: str = "#c05a10"
    light: str = "#838b93"
    fill: str = "#c3d5e8"
    band: str = "#f5d3b4"
    shade: str = "#efefef"
    third: str = "#1d7a66"
    mark: str = "#a01010"


STYLE = Style()
SOLID, DASHED, DOTTED = "solid", (0, (4, 2)), (0, (1, 1.6))
WIDER = 2.4  # points, of an interval's thick stretch
NO_EFFECT: Look = {"color": STYLE.ink, "linewidth": 1.0}
THIN: Look = {**NO_EFFECT, "linewidth": 0.8}

# Lines of one picture, one for each prior: no two have the same dashes, so that colour is never
# needed to tell them apart.
LINES: tuple[Look, ...] = (
    {"color": STYLE.strong, "linewidth": 2.0, "linestyle": SOLID},
    {"color": STYLE.second, "linewidth": 1.7, "linestyle": (0, (5, 2))},
    {"color": STYLE.third, "linewidth": 1.7, "linestyle": (0, (1, 1.2))},
    {"color": STYLE.soft, "linewidth": 1.7, "linestyle": (0, (5, 1.5, 1, 1.5))},
    {"color": STYLE.mark, "linewidth": 1.4, "linestyle": (0, (2.5, 1))},
    {"color": STYLE.ink, "linewidth": 1.2, "linestyle": (0, (8, 1.5, 1, 1.5, 1, 1.5))},
)


def line_of(look: Look) -> dict[str, Any]:
    """A look with nothing left to matplotlib's global parameters; of a marker, its own colour."""
    plain = {"linestyle": SOLID, "linewidth": 1.5, "marker": "None", "markeredgewidth": 1.0}
    colour = look.get("color", STYLE.ink)
    return {**plain, "markeredgecolor": colour, "markerfacecolor": colour} | dict(look)


def thickened(look: Look) -> Look:
    """The look of the thick stretch of a line: solid, and so many points wider."""
    return {**line_of(look), "linestyle": SOLID, "linewidth": line_of(look)["linewidth"] + WIDER}


def marker(shape: str, size: float, edge: str, face: str = "", width: float = 1.2) -> Look:
    """A marker without a line, in points; filled with the colour of its edge, or another."""
    return {
        "color": edge,
        "linestyle": "None",
        "marker": shape,
        "markersize": size,
        "markeredgecolor": edge,
        "markeredgewidth": width,
        "markerfacecolor": face or edge,
    }


def line_height(size: float) -> float:
    """Inches from one line of text to the next."""
    return STYLE.line_height * size / 72


@cache
def _at_100(text: str, *, bold: bool) -> float:
    """Points a text takes at a size of 100 points."""
    weight = "bold" if bold else "normal"
    font = get_font(findfont(FontProperties(family=STYLE.family, weight=weight)))
    font.set_size(100.0, 72.0)
    font.set_text(f"{text}|", 0.0, flags=LoadFlags.NO_HINTING)  # a space at the end has no ink
    ended = float(font.get_width_height()[0])
    font.set_text("|", 0.0, flags=LoadFlags.NO_HINTING)
    return (ended - float(font.get_width_height()[0])) / 64


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """Inches a line of text takes, a little generous: renderers hint glyphs differently."""
    return 1.03 * size / 72 * _at_100(text, bold=bold) / 100


def widest(texts: Sequence[str], size: float, *, bold: bool = False) -> float:
    """Inches the widest line of some texts takes; 0 if there are none."""
    lines = [line for text in texts for line in text.split("\n")]
    return max((width_of(line, size, bold=bold) for line in lines), default=0.0)


def wrap(text: str, size: float, width: float, *, bold: bool = False) -> list[str]:
    """A text as lines no wider than `width` inches; a word that is wider alone is broken."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if width_of(longer, size, bold=bold) <= width:
            lines[-1] = longer
            continue
        pieces = _broken(word, size, width, bold=bold)
        lines = [*lines, *pieces] if lines[-1] else [*lines[:-1], *pieces]
    return lines


def wrapped(text: str, size: float, width: float, *, bold: bool = False) -> str:
    """The lines of `wrap` as one text; breaks that are there already stay."""
    return "\n".join(
        line for part in text.split("\n") for line in wrap(part, size, width, bold=bold)
    )


def balanced(text: str, size: float, width: float) -> str:
    """The text in as few lines as within `width` inches, and these about equally long."""
    count = len(wrap(text, size, width))
    shares = (0.02 * share for share in range(25, 51))
    return next(
        "\n".join(lines)
        for share in shares
        if len(lines := wrap(text, size, share * width)) <= count
    )


def _broken(word: str, size: float, width: float, *, bold: bool) -> list[str]:
    pieces = [""]
    for letter in word:
        if pieces[-1] and width_of(pieces[-1] + letter, size, bold=bold) > width:
            pieces.append("")
        pieces[-1] += letter
    return pieces
