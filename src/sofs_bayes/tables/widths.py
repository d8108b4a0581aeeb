"""How wide a table's columns are, and which way round its page."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from sofs_bayes.tables.model import Table, lines_of, spans_of

# Points: A4 with margins of 2 cm.
PORTRAIT, LANDSCAPE = 481.0, 728.0
# Of the font's size: a figure of what stands in for Arial where it is not installed, as DejaVu
# Sans, the widest of its kind; numbers must not be split there. What is not here is as wide.
LETTER = 0.636
WIDER = {**dict.fromkeys("mMW%@—", 1.0), **dict.fromkeys("w+=<>±×~−∞", 0.838)}
NARROWER = {
    **dict.fromkeys("ijl.,;:|' ’", 0.34),
    **dict.fromkeys("ftrI()[]-/\\!", 0.41),
}
CAPITAL = 0.78
BOLD = 1.1
SLACK = 0.4  # letters; programs round differently
PADDING = 9.0
# Pages and sizes of type, the first that a table fits being taken.
PAGES = ((PORTRAIT, 9.0), (PORTRAIT, 8.0), (LANDSCAPE, 9.0), (LANDSCAPE, 8.0), (LANDSCAPE, 7.0))
SMALLEST = 6.0
MOST_LETTERS = 60.0
LONGEST_WORD = 20.0
# A text column may wrap, but not to less than this part of the width it would like.
SQUEEZED = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A page and a table on it: which way round, points of type, points of each column."""

    landscape: bool
    size: float
    widths: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Letters:
    """What a column needs, in figures' widths: at the very least, unsqueezed, and at best."""

    least: float
    enough: float
    wanted: float


def letters_of(table: Table) -> tuple[Letters, ...]:
    """What each column needs so that words and numbers stay whole."""
    lines = [line for line in lines_of(table) if not line.heading]
    found = []
    for i, column in enumerate(table.columns):
        bold = [BOLD if line.bold else 1.0 for line in lines]
        cells = [
            (part + pad, weight)
            for line, weight in zip(lines, bold, strict=True)
            for part, pad in zip_longest(line.cells[i].split("\n"), line.pads[i], fillvalue="")
        ]
        longest = min(max((width_of(*cell) for cell in cells), default=0.0), MOST_LETTERS)
        head = _in_two_lines(column.heading, BOLD)
        words = max((_narrowest(*cell) for cell in cells), default=0.0)
        least = max(longest if column.format != "text" else min(words, LONGEST_WORD), head)
        wanted = max(longest, least)
        found.append(Letters(least=least, enough=max(least, SQUEEZED * wanted), wanted=wanted))
    return _below_groups(table, found)


def width_of(text: str, weight: float = 1.0) -> float:
    """The width of a line of text, in figures' widths."""
    ems = sum(WIDER.get(x) or NARROWER.get(x) or (CAPITAL if x.isupper() else LETTER) for x in text)
    return weight * ems / LETTER + SLACK


def _narrowest(text: str, weight: float) -> float:
    """The width that keeps words whole."""
    return max((width_of(word, weight) for word in text.split()), default=0.0)


def _in_two_lines(text: str, weight: float) -> float:
    """The width in which a text takes two lines at most."""
    return max((_narrowest_halves(part.split(), weight) for part in text.split("\n")), default=0.0)


def _narrowest_halves(words: Sequence[str], weight: float) -> float:
    halves = [(words[:i], words[i:]) for i in range(len(words))]
    return min((max(width_of(" ".join(x), weight) for x in two) for two in halves), default=0.0)


def _below_groups(table: Table, letters: Sequence[Letters]) -> tuple[Letters, ...]:
    """Columns wide enough, together, for the heading above them in two lines."""
    found = list(letters)
    start = 0
    for group, width in spans_of(table):
        own = range(start, start + width)
        start += width
        more = (_in_two_lines(group, BOLD) - sum(found[i].least for i in own)) / width
        for i in own if more > 0 else ():
            least = found[i].least + more
            enough, wanted = max(found[i].enough, least), max(found[i].wanted, least)
            found[i] = Letters(least=least, enough=enough, wanted=wanted)
    return tuple(found)


def layout_of(table: Table) -> Layout:
    """The first page and size of type that a table fits without being squeezed."""
    letters = letters_of(table)
    wanted = sum(each.wanted for each in letters)
    enough = sum(each.enough for each in letters)
    padding = PADDING * len(letters)
    # Smaller type is better than labels in two lines, but not than a page turned sideways.
    for needed, pages in ((wanted, PAGES[:2]), (enough, PAGES)):
        for room, size in pages:
            if needed * size * LETTER + padding <= room:
                return _laid_out(letters, room, size)
    return _laid_out(letters, LANDSCAPE, SMALLEST)


def _laid_out(letters: Sequence[Letters], room: float, size: float) -> Layout:
    letter = size * LETTER
    inner = (room - PADDING * len(letters)) / letter
    wanted = [each.wanted for each in letters]
    if sum(wanted) > inner:
        wanted = _squeezed(letters, inner)
    return Layout(
        landscape=room == LANDSCAPE,
        size=size,
        widths=tuple(width * letter + PADDING for width in wanted),
    )


def _squeezed(letters: Sequence[Letters], inner: float) -> list[float]:
    """Between least and wanted, every column as far along as there is room for."""
    least = [each.least for each in letters]
    spare = [each.wanted - each.least for each in letters]
    left = inner - sum(least)
    if left <= 0 or not sum(spare):
        return [width * inner / sum(least) for width in least]
    share = left / sum(spare)
    return [width + share * more for width, more in zip(least, spare, strict=True)]
