"""A page of the manual → text for a terminal: links as words, wide tables as lists."""

import re
import textwrap
from collections.abc import Iterator, Sequence

LINK = re.compile(r"\[([^\]]+)\]\([a-z-]+\.md(?:#[a-z-]+)?\)")
# A bar between cells; one in a cell is written \|.
BAR = re.compile(r"(?<!\\)\|")
# What an item of a list begins with.
STARTS = re.compile(r"(?:- |[0-9]+\. )")
WIDTH = 100


def to_terminal(markdown: str, *, width: int = WIDTH) -> str:
    """The page's text in lines of at most `width` characters, but for code and long words."""
    lines: list[str] = []
    for block in _blocks(markdown.splitlines()):
        if block[0].startswith("```"):
            lines += block
        elif block[0].startswith("|"):
            lines += _table([LINK.sub(r"\1", line) for line in block], width)
        else:
            lines += _wrapped(LINK.sub(r"\1", " ".join(map(str.strip, block))), width)
    return "\n".join(lines) + "\n"


def _blocks(lines: Sequence[str]) -> Iterator[list[str]]:
    """Runs of lines that are one thing: code, a table, a paragraph, an item, an empty line."""
    block: list[str] = []
    code = False
    for line in lines:
        fence = line.startswith("```")
        goes_on = code or (
            block
            and line
            and not fence
            and (line.startswith("|") == block[0].startswith("|"))
            and not STARTS.match(line)
            and not block[0].startswith(("#", "```"))
            and block[0]
        )
        if goes_on:
            block.append(line)
        else:
            if block:
                yield block
            block = [line]
        code ^= fence
    if block:
        yield block


def _wrapped(line: str, width: int) -> list[str]:
    """A paragraph or an item, its further lines below its text."""
    if len(line) <= width:
        return [line]
    starts = STARTS.match(line)
    return textwrap.wrap(
        line,
        width,
        subsequent_indent=" " * len(starts[0]) if starts else "",
        break_long_words=False,
        break_on_hyphens=False,
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
