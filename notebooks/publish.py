"""Run the chapters and write each as .ipynb and as one HTML page that fetches nothing.

    python notebooks/publish.py [-o FOLDER] [CHAPTER.py …]

Chapters share what they make (children, matched children, a fit) in a folder that is deleted at
the end, so that nothing stale is ever shown. Exit code 1 if a chapter fails: it is not written
then, and those before it stay.
"""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from nbconvert import HTMLExporter
from traitlets.config import Config

HERE = Path(__file__).parent
SECONDS = 1200  # of one cell


def main(arguments: Sequence[str] | None = None) -> int:
    """Publish chapters; the exit code."""
    parser = argparse.ArgumentParser(description="Run chapters and write .ipynb and HTML.")
    parser.add_argument("chapters", nargs="*", type=Path, help="all of them by default")
    parser.add_argument("-o", "--output", type=Path, default=Path("results/notebooks"))
    asked = parser.parse_args(arguments)
    paths = asked.chapters or chapters()
    for path in paths:
        if not path.is_file():
            print(f"{path}: no such chapter", file=sys.stderr)
            return 2
    asked.output.mkdir(parents=True, exist_ok=True)
    read = [notebook(path) for path in paths]
    with TemporaryDirectory() as shared:
        os.environ |= {"SOFS_BAYES_CHAPTERS": shared, "SOFS_BAYES_PROGRESS": "no"}
        for place, (path, book) in enumerate(zip(paths, read, strict=True)):
            print(f"{path.name} …", flush=True)
            try:
                run(book, folder=shared)
            except (CellExecutionError, CellTimeoutError) as error:
                print(f"{path.name} failed:\n{error}", file=sys.stderr)
                return 1
            beside = {"before": place - 1, "after": place + 1}
            book.metadata.update(
                {
                    name: {"file": f"{paths[at].stem}.html", "title": read[at].metadata.title}
                    for name, at in beside.items()
                    if 0 <= at < len(paths)
                }
            )
            write(asked.output / f"{path.stem}.html", html_of(book))
            for name in beside:
                book.metadata.pop(name, None)
            write(asked.output / f"{path.stem}.ipynb", nbformat.writes(book) + "\n")
    write(asked.output / "index.html", contents(paths, read))
    print(asked.output / "index.html")
    return 0


def chapters() -> list[Path]:
    """The numbered chapters of this folder, in order."""
    return sorted(HERE.glob("[0-9][0-9]-*.py"))


def notebook(path: Path) -> Any:
    """A chapter as a notebook without outputs: the same text gives the same notebook."""
    book = jupytext.read(path)
    for place, cell in enumerate(book.cells):
        cell["id"] = f"cell-{place:02d}"
    book.metadata.pop("jupytext", None)
    book.metadata["title"] = heading(book)
    book.metadata["source"] = f"notebooks/{path.name}"
    return book


def heading(book: Any) -> str:
    """The title of a chapter: its first line of text."""
    return next(cell.source for cell in book.cells).splitlines()[0].lstrip("# ")


def paragraph(book: Any, opening: str) -> str:
    """The paragraph of the first cell that opens with these words, without its marks."""
    for text in book.cells[0].source.split("\n\n"):
        if text.startswith(f"**{opening}"):
            return re.sub(r"[*`]", "", " ".join(text.split()))
    return ""


def run(book: Any, *, folder: str) -> None:
    """Execute a notebook in place, away from the project's folders and off the network."""
    sockets = {"transport": "ipc", "ip": f"{folder}/kernel"}
    NotebookClient(
        book,
        timeout=SECONDS,
        kernel_name="python3",
        record_timing=False,  # times would make each file differ from the last
        config=Config({} if os.name == "nt" else {"KernelManager": sockets}),
        resources={"metadata": {"path": folder}},
    ).execute()


def html_of(book: Any) -> str:
    """An executed notebook as one page."""
    exporter = HTMLExporter(
        template_name="chapter",
        extra_template_basedirs=[str(HERE)],
        embed_images=True,
        exclude_anchor_links=True,
    )
    body, _ = exporter.from_notebook_node(book)
    return str(body)


def contents(paths: Sequence[Path], read: Sequence[Any]) -> str:
    """The page that leads to the chapters."""
    entries = [
        f'<dt><a href="{path.stem}.html">{escape(path.stem[:2])} {escape(book.metadata.title)}</a>'
        f' (<a href="{path.stem}.ipynb">notebook<span class="name"> {escape(path.stem)}</span></a>)'
        f"</dt><dd>{escape(paragraph(book, 'Question'))}</dd>"
        f"<dd>{escape(paragraph(book, 'Source'))}</dd>"
        for path, book in zip(paths, read, strict=True)
    ]
    style = (HERE / "chapter" / "chapter.css").read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Chapters</title>\n<style>{style}</style>\n</head>\n<body>\n<main>\n"
        "<h1>Signs of Safety, analysed again: chapters</h1>\n"
        "<p>Each chapter runs from its first line to its last, and names its source.</p>\n"
        f"<dl>\n{chr(10).join(entries)}\n</dl>\n</main>\n</body>\n</html>\n"
    )


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    scratch = path.with_name(f".{path.name}.partial")
    scratch.write_text(text, encoding="utf-8", newline="")
    scratch.replace(path)


if __name__ == "__main__":
    sys.exit(main())
