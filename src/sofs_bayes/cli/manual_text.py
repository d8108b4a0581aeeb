"""A page of the manual → text for a terminal: links as words, wide tables as lists."""

import re
import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby

LINK = re.compile(r"\[([^\]]+)\]\([a-z-]+\.md(?:#[a-z-]+)?\)")
# A bar between cells; one in a cell is written \|.
BAR = re.compile(r"(?<!\\)\|")
WIDTH = 100


def to_terminal(markdown: str, *, width: int = WIDTH) -> str:
    """The page's text in lines of at most `width` characters, but for code and long words."""
    lines: list[str] = []
    code = False
    for is_table, group in groupby(markdown.splitlines(), key=lambda line: line.startswith("|")):
        if is_table:
            lines += _table([LINK.sub(r"\1", line) for line in group], width)
            continue
        for line in group:
            code ^= line.startswith("```")
            lines += [line] if code else _wrapped(LINK.sub(r"\1", line), width)
    return "\n".join(lines) + "\n"


def _wrapped(line: str, width: int) -> list[str]:
    """A line that is too long, its further lines below its text."""
    if len(line) <= width:
        return [line]
    indent = " " * len(re.match(r"\s*(?:- |[0-9]+\. )?", line)[0])  # type: ignore[index]
    return textwrap.wrap(
        line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _table(lines: Sequence[str], width: int) -> list[str]:
    """A table with its columns in line, or, where that is too wide, as a list."""
    heads, _, *rows = ([cell.strip() for cell in BAR.split(line)[1:-1]] for line in lines)
    rows = [[cell.replace(r"\|", "|") for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    if sum(widths) + 2 * len(widths) <= width:
        table = [heads, ["-" * each for each in widths], *rows]
        return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in table]
    return [line for row in rows for line in _item(heads, row, width)][:-1]


def _item(heads: Sequence[str], row: Sequence[str], width: int) -> Iterator[str]:
    """A row as an item of a list: its first cell, and below it the others with their heads."""
    yield from _wrapped(f"- {row[0]}", width)
    for head, cell in zip(heads[1:], row[1:], strict=True):
        text = f"{head}: {cell}" if head else cell
        if cell:
            yield from textwrap.wrap(
                text,
                width,
                initial_indent="    ",
                subsequent_indent="      ",
                break_long_words=False,
                break_on_hyphens=False,
            )
    yield ""
