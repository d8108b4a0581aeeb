"""Words that only the published report's study has, and where they stand in what was written."""

import html
import re
import zipfile
from pathlib import Path

OF_THIS_STUDY = re.compile(
    r"Signs of Safety|(?-i:SofS)|addendum|practice model|ICPC|\bCLA\b|conference|entry to care"
    r"|entering care|\bTables? [1-7]\b|Figure [12] again|ofsted|embeddedness|the report's"
    r"|printed|published|protocol|nine English|Department for Ed",
    re.IGNORECASE,
)
MARKUP = re.compile(r"<(script|style).*?</\1>|<[^>]+>", re.DOTALL)


def of_this_study(text: str) -> list[str]:
    """The words in a text, each with what stands around it."""
    plain = " ".join(text.split())
    return [
        plain[max(each.start() - 40, 0) : each.end() + 40] for each in OF_THIS_STUDY.finditer(plain)
    ]


def text_of(path: Path) -> str:
    """What a reader sees of a page, a document, a workbook, a picture's words or a plain file."""
    if path.suffix in (".docx", ".xlsx"):
        with zipfile.ZipFile(path) as packed:
            names = [name for name in packed.namelist() if name.endswith(".xml")]
            return " ".join(MARKUP.sub(" ", packed.read(name).decode()) for name in names)
    if path.suffix == ".html":
        text = re.sub(r"data:image[^\"]*", "", path.read_text("utf-8"))
        return html.unescape(MARKUP.sub(" ", text))
    if path.suffix in (".md", ".csv", ".json", ".toml", ".txt"):
        return path.read_text("utf-8")
    return ""


def in_folder(folder: Path) -> dict[str, list[str]]:
    """The words in all files of a folder, by file."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    found = {str(path.relative_to(folder)): of_this_study(text_of(path)) for path in files}
    return {name: words for name, words in found.items() if words}
