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
    """Sizes (points, inches) and colours, which differ in lightness as much as in hue."""

    family: str = "DejaVu Sans"
    title: float = 11.5
    text: float = 9.0
    small: float = 8.0
    line_height: float = 1.35
    width: float = 7.4
    margin: float = 0.16
    dpi: int = 160
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
PLAIN: Look = {"linestyle": "solid", "marker": "None"}
GUIDE: Look = {**PLAIN, "color": STYLE.faint, "linewidth": 0.6, "zorder": 0}
NO_EFFECT: Look = {**PLAIN, "color": STYLE.ink, "linewidth": 1.0, "zorder": 2}

# Lines of one picture, one for each prior: no two have the same dashes, so that colour is never
# needed to tell them apart.
LINES: tuple[Look, ...] = (
    {"color": STYLE.strong, "linewidth": 2.0, "linestyle": "solid", "marker": "None"},
    {"color": STYLE.second, "linewidth": 1.7, "linestyle": (0, (5, 2)), "marker": "None"},
    {"color": STYLE.third, "linewidth": 1.7, "linestyle": (0, (1, 1.2)), "marker": "None"},
    {"color": STYLE.soft, "linewidth": 1.7, "linestyle": (0, (5, 1.5, 1, 1.5)), "marker": "None"},
    {"color": STYLE.mark, "linewidth": 1.4, "linestyle": (0, (2.5, 1)), "marker": "None"},
    {"color": STYLE.ink, "linewidth": 1.2, "linestyle": (0, (8, 1.5, 1, 1.5, 1, 1.5))}
    | {"marker": "None"},
)


def line_height(size: float) -> float:
    """Inches from one line of text to the next."""
    return STYLE.line_height * size / 72


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """Inches a line of text takes, a little generous: renderers hint glyphs differently."""
    return 1.03 * size / 72 * sum(_advance(letter, bold=bold) for letter in text)


@cache
def _advance(letter: str, *, bold: bool) -> float:
    """The room of one letter as a share of the font's size, without kerning."""
    font = get_font(
        findfont(FontProperties(family=STYLE.family, weight="bold" if bold else "normal"))
    )
    font.set_size(100.0, 72.0)
    glyph = font.load_char(ord(letter), flags=LoadFlags.NO_HINTING)
    return float(glyph.linearHoriAdvance / 65536 / 100)


def widest(texts: Sequence[str], size: float, *, bold: bool = False) -> float:
    """Inches the widest of some lines takes; 0 if there are none."""
    return max((width_of(text, size, bold=bold) for text in texts), default=0.0)


def wrap(text: str, size: float, width: float, *, bold: bool = False) -> list[str]:
    """A text as lines no wider than `width` inches; a word that is wider alone is broken."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if width_of(longer, size, bold=bold) <= width:
            lines[-1] = longer
            continue
        pieces = _broken(word, size, width, bold=bold)
        lines += pieces if lines[-1] else []
        if not lines[0]:
            lines = pieces
    return lines


def _broken(word: str, size: float, width: float, *, bold: bool) -> list[str]:
    pieces = [""]
    for letter in word:
        if pieces[-1] and width_of(pieces[-1] + letter, size, bold=bold) > width:
            pieces.append("")
        pieces[-1] += letter
    return pieces
