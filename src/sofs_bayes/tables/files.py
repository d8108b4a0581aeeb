"""Tables → one file in the format asked for, or, as CSV, a folder."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Literal, get_args

from sofs_bayes.errors import BadInput
from sofs_bayes.folders.whole import new_folder, write_new
from sofs_bayes.spec.names import file_stem
from sofs_bayes.tables.excel import write_workbook
from sofs_bayes.tables.formats import (
    PADDED,
    Column,
    Table,
    to_csv,
    to_html,
    to_json,
    to_markdown,
    unfolded,
)
from sofs_bayes.tables.latex import to_latex
from sofs_bayes.tables.page_policy import closed
from sofs_bayes.tables.word import add_table, new_document, save_document

FileFormat = Literal["md", "csv", "html", "docx", "xlsx", "tex", "json"]
FORMATS: tuple[FileFormat, ...] = get_args(FileFormat)
BINARY: tuple[FileFormat, ...] = ("docx", "xlsx")
# What formats are also called.
WORDS: Mapping[str, FileFormat] = {
    **{each: each for each in FORMATS},
    "markdown": "md",
    "htm": "html",
    "word": "docx",
    "excel": "xlsx",
    "latex": "tex",
}
PROGRAMS = ("word", "excel")  # words that no file ends in
ENDINGS: Mapping[str, FileFormat] = {
    f".{word}": named for word, named in WORDS.items() if word not in PROGRAMS
}
STYLE = """
body { font: 1rem/1.5 Helvetica, Arial, sans-serif; color: #1b1f24; margin: 2rem auto;
  max-width: 70rem; padding: 0 1rem; }
.table { overflow-x: auto; margin: 0 0 2.5rem; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums;
  border-top: 2px solid; border-bottom: 2px solid; }
caption { text-align: left; font-weight: 700; padding-bottom: .4rem; }
th, td { padding: .2rem .6rem; text-align: left; vertical-align: top; font-weight: 400; }
thead th { font-weight: 700; vertical-align: bottom; border-bottom: 1px solid; }
thead .group { text-align: center; }
.bold th { font-weight: 700; }
.num { text-align: right; white-space: nowrap; }
thead .num { white-space: normal; }
.note { font-size: .85rem; max-width: 60rem; margin: .4rem 0 0; }
"""


def format_of(path: Path | None, given: FileFormat | None = None) -> FileFormat:
    """The format to write: the one asked for, else what the file's ending says, else Markdown.

    Raises
    ------
    BadInput
        An ending of no or of another format, or no file for a format that is no text.
    """
    if path is None:
        if given in BINARY:
            raise BadInput("--format", "", f"{given!r} without a file", f"-o FILE.{given}")
        return given or "md"
    named = ENDINGS.get(path.suffix.lower())
    if given is None and path.suffix and named is None:
        raise BadInput(path, "ending", repr(path.suffix), ", ".join(f".{x}" for x in FORMATS))
    if given is not None and named not in (None, given):
        raise BadInput(path, "ending", f"{path.suffix!r} with --format {given}", f"'.{given}'")
    return given or named or "md"


def text_of(tables: Sequence[Table], how: FileFormat) -> str:
    """The tables as text of one format; not for Word and Excel.

    CSV: one table as it is. Of several, each has a first column with its title; neighbours of
    the same columns share a header, and an empty line parts those of different ones. JSON: an
    array, also of one table. HTML: a whole page.
    """
    if how == "csv":
        return _csv(tables)
    if how == "json":
        return "[\n" + ",\n".join(to_json(table).rstrip("\n") for table in tables) + "\n]\n"
    if how == "html":
        return _page(tables)
    write = {"md": to_markdown, "tex": to_latex}[how]
    return "\n".join(write(table) for table in tables)


def write_tables(path: Path, tables: Sequence[Table], how: FileFormat) -> None:
    """Write the tables to a new file, whole or not at all.

    CSV to a path without an ending is a new folder with a file for each table.

    Raises
    ------
    BadInput
        The file or folder exists, or cannot be written.
    """
    if how == "docx":
        to_word(tables, path)
    elif how == "xlsx":
        to_excel(tables, path)
    elif how == "csv" and not path.suffix:
        with new_folder(path, written_by="effects") as folder:
            for name, table in zip(_file_names(tables), tables, strict=True):
                (folder / name).write_text(to_csv(table), encoding="utf-8", newline="")
    else:
        write_new(path, text_of(tables, how))


def _file_names(tables: Sequence[Table]) -> list[str]:
    """A file's name for each table, also where capitals do not tell files apart."""
    found: dict[str, str] = {}
    for table in tables:
        stem = name = file_stem(table.name)
        count = 1
        while name.casefold() in found:
            count += 1
            name = f"{stem}-{count}"
        found[name.casefold()] = f"{name}.csv"
    return list(found.values())


def to_word(tables: Sequence[Table], path: Path | str, *, title: str = "Tables") -> None:
    """Write tables to a new Word document.

    Parameters
    ----------
    tables
        In the order wanted; each says what it rests on.
    path
        A file that does not exist yet.
    title
        Stands on top.

    Examples
    --------
    >>> sb.to_word([sb.findings_table(sb.audit())], "audit.docx")
    """
    document = new_document(title, evidence=[table.evidence for table in tables])
    for table in tables:
        add_table(document, table)
    save_document(document, Path(path))


def to_excel(tables: Sequence[Table], path: Path | str) -> None:
    """Write tables to a new Excel workbook: a sheet of contents, then a sheet for each.

    Parameters
    ----------
    tables
        In the order wanted.
    path
        A file that does not exist yet.

    Examples
    --------
    >>> sb.to_excel([sb.findings_table(sb.audit())], "audit.xlsx")
    """
    write_workbook(Path(path), tables)


def _csv(tables: Sequence[Table]) -> str:
    if len(tables) == 1:
        return to_csv(tables[0])
    titled = [_titled(unfolded(table)) for table in tables]
    blocks = []
    for _, alike in groupby(titled, key=lambda table: [column.key for column in table.columns]):
        first, *more = (to_csv(table) for table in alike)
        header = first.split("\n", 1)[0] + "\n"
        blocks.append(first + "".join(text.removeprefix(header) for text in more))
    return "\n".join(blocks)


def _titled(table: Table) -> Table:
    column = Column(key="table", heading="Table")
    rows = tuple((table.title, *row) for row in table.rows)
    return replace(table, columns=(column, *table.columns), rows=rows)


def _page(tables: Sequence[Table]) -> str:
    title = escape("; ".join(dict.fromkeys(table.caption for table in tables)))
    fragments = "\n".join(to_html(table) for table in tables)
    return closed(
        '<!DOCTYPE html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}{PADDED}</style>\n</head>\n<body>\n<main>\n"
        f"{fragments}\n</main>\n</body>\n</html>\n"
    )
