"""Write the documentation as a searchable site that needs no network to be read.

    python docs/publish.py [-o FOLDER] [--chapters FOLDER]

Pages are the project's own texts: those of this folder, the README, the models, the manual, the
chapters. What links lead to in the repository, they lead to on the site. Chapters have results,
and the gallery has figures, where `--chapters` names what notebooks/publish.py wrote. Exit code
1 if anything is amiss, such as a link to nowhere.
"""

import argparse
import base64
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

import jupytext
import nbformat
from latex2mathml.converter import convert
from sphinx.application import Sphinx

from sofs_bayes.cli import parsers
from sofs_bayes.cli.manual import all_pages

ROOT = Path(__file__).resolve().parents[1]
DOCS = "docs"
# Site's folder → caption of its pages in the contents, in reading order.
SECTIONS: Mapping[str, tuple[str, ...]] = {
    "Start": ("tutorial", "Overview <overview>", "install"),
    "Guides": (
        "guides/printed-study",
        "guides/open-data",
        "guides/records",
        "guides/publication",
        "guides/release",
        "guides/calibration",
        "guides/r-stata-excel",
        "custodian",
    ),
    "Look up": (
        "Models in notation <models>",
        "command-line",
        "python",
        "reference",
        "manual/index",
        "gallery",
    ),
    "Read": ("chapters",),
    "Project": ("architecture", "contributing", "security", "changelog"),
}
ELSEWHERE = {
    "README.md": "overview",
    "models/README.md": "models",
    "ARCHITECTURE.md": "architecture",
    "CONTRIBUTING.md": "contributing",
    ".github/SECURITY.md": "security",
    "CHANGELOG.md": "changelog",
}
MANUAL, NOTEBOOKS = "src/sofs_bayes/manual", "notebooks"
FENCE = re.compile(r"(^```.*?^```$)", re.M | re.S)
LINK = re.compile(r"(?<=\]\()([^()\s#]+)(?=[#)])")
SETTINGS: Mapping[str, Any] = {
    "project": "sofs_bayes",
    "author": "The sofs_bayes authors",
    "language": "en",
    "extensions": ["publish", "myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"],
    "html_theme": "furo",
    "html_title": "sofs_bayes",
    "html_math_renderer": "mathml",
    "html_show_copyright": False,
    "html_copy_source": False,
    "html_last_updated_fmt": None,
    "default_role": "code",
    "myst_enable_extensions": ["dollarmath"],
    "myst_heading_anchors": 4,
    "myst_links_external_new_tab": False,
    "autodoc_typehints": "signature",
    "autodoc_member_order": "bysource",
    "autodoc_preserve_defaults": True,
    "napoleon_numpy_docstring": True,
    "napoleon_google_docstring": False,
    "maximum_signature_line_length": 80,
    "python_use_unqualified_type_names": True,
    # Types of other packages are named, and not linked, as their sites are elsewhere.
    "nitpicky": False,
    "suppress_warnings": ["ref.python", "misc.highlighting_failure"],
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the site; the exit code."""
    parser = argparse.ArgumentParser(description="Write the documentation as a site.")
    parser.add_argument("-o", "--output", type=Path, default=Path("results/site"))
    parser.add_argument("--chapters", type=Path, help="what notebooks/publish.py wrote")
    asked = parser.parse_args(arguments)
    with TemporaryDirectory() as scratch:
        source, built = Path(scratch) / "source", Path(scratch) / "site"
        collect(source, asked.chapters)
        status = build(source, built)
        if status:
            return status
        shutil.rmtree(asked.output, ignore_errors=True)
        shutil.copytree(
            built, asked.output, ignore=shutil.ignore_patterns(".buildinfo", ".doctrees")
        )
    print(asked.output / "index.html")
    return 0


def build(source: Path, target: Path) -> int:
    """Sphinx's own work, with every warning a fault; its exit code."""
    sys.path.insert(0, str(Path(__file__).parent))
    app = Sphinx(
        source,
        None,
        target,
        target / ".doctrees",
        "html",
        confoverrides=dict(SETTINGS),
        status=None,
        warningiserror=False,
        freshenv=True,
    )
    app.build()
    for path in target.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        path.write_text(MENDED.sub(_mended, text), encoding="utf-8", newline="")
    return 1 if app._warncount else 0


# What readers by ear or keyboard miss: a heading's level, a way into wide tables and code, and a
# list of parameters that is no list of terms.
MENDED = re.compile(
    r'role="heading"|<div class="table-wrapper[^"]*"|<pre>|<dl>\s*(<dd>.*?</dd>)\s*</dl>', re.S
)


def _mended(found: re.Match[str]) -> str:
    if found[1]:
        lines = found[1].replace("<dd>", "<div>").replace("</dd>", "</div>")
        return f'<div style="padding-left:2em">{lines}</div>'
    if found[0].startswith("role"):
        return f'{found[0]} aria-level="2"'
    return f'{found[0].removesuffix(">")} tabindex="0"{">" * found[0].endswith(">")}'


def setup(app: Any) -> Mapping[str, bool]:
    """Sphinx's hook: formulas as MathML, which browsers draw without a script."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


# -------------------------------------------------------------------------------- the pages


def collect(target: Path, chapters: Path | None = None) -> None:
    """Write all pages into a folder, in Markdown, as Sphinx is to have them."""
    texts = dict(pages(chapters))
    known = {repository: place for place, (repository, _) in texts.items()}
    for place, (repository, text) in texts.items():
        page = target / f"{place}.md"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(_relinked(text, repository, place, known, target), encoding="utf-8")


def pages(chapters: Path | None) -> Iterator[tuple[str, tuple[str, str]]]:
    """Where each page stands on the site; where it comes from, and its text."""
    added = {"index": _contents, "chapters": _listed_chapters}
    for path in sorted((ROOT / DOCS).rglob("*.md")):
        place = path.relative_to(ROOT / DOCS).with_suffix("").as_posix()
        text = path.read_text(encoding="utf-8") + added.get(place, str)()
        yield place, (f"{DOCS}/{place}.md", text)
    for name, place in ELSEWHERE.items():
        yield place, (name, (ROOT / name).read_text(encoding="utf-8"))
    yield from _manual()
    yield from _chapters(chapters)


def _manual() -> Iterator[tuple[str, tuple[str, str]]]:
    """The pages of `sofs-bayes manual`, and one that leads to them."""
    found = all_pages(parsers())
    listed = "\n".join(f"- [{page.name}]({page.name}.md): {page.line}" for page in found)
    contents = _toctree("\n".join(page.name for page in found))
    text = f"# The manual\n\nAs `sofs-bayes manual` has it.\n\n{listed}\n\n{contents}"
    yield "manual/index", (f"{MANUAL}/index.md", text)
    for page in found:
        yield f"manual/{page.name}", (f"{MANUAL}/{page.name}.md", page.text)


def _chapters(folder: Path | None) -> Iterator[tuple[str, tuple[str, str]]]:
    """The chapters, with results where a folder has them, and the gallery of their figures."""
    pictures: list[str] = []
    for path in sorted((ROOT / NOTEBOOKS).glob("[0-9][0-9]-*.py")):
        executed = folder and folder / f"{path.stem}.ipynb"
        known = executed and executed.is_file()
        book = nbformat.read(executed, 4) if known else jupytext.read(path)
        text, found = chapter(book, path.stem)
        pictures += found
        yield f"chapters/{path.stem}", (f"{NOTEBOOKS}/{path.name}", text)
    yield "gallery", (f"{DOCS}/gallery.md", gallery(pictures))


def _contents() -> str:
    return "\n" + "".join(
        _toctree("\n".join(pages), caption=caption) for caption, pages in SECTIONS.items()
    )


def _listed_chapters() -> str:
    return "\n" + _toctree("chapters/*", glob=True)


def _toctree(entries: str, *, caption: str = "", glob: bool = False) -> str:
    options = [f":caption: {caption}"] * bool(caption) + [":glob:"] * glob
    return "\n".join(["```{toctree}", ":hidden:", *options, "", entries, "```", ""])


def chapter(book: Any, name: str) -> tuple[str, list[str]]:
    """A notebook as Markdown with what it shows, and its pictures, each with its description."""
    parts, pictures = [], []
    for cell in book.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        parts.append(f"```python\n{cell.source}\n```")
        for output in cell.get("outputs", ()):
            shown = output.get("data", {})
            if "image/png" in shown:
                alt = output.metadata["image/png"]["alt"]
                data = base64.b64encode(base64.b64decode(shown["image/png"])).decode()
                picture = f'<img alt="{escape(alt)}" src="data:image/png;base64,{data}">'
                pictures.append(f"{picture}\n\n{alt} ([{name}](chapters/{name}.md))")
                parts.append(picture)
            elif "text/html" in shown:
                parts.append(f"<div>{re.sub(r'\n\s*\n', '\n', shown['text/html'])}</div>")
            elif text := shown.get("text/markdown"):
                parts.append(text)
    return "\n\n".join(parts) + "\n", pictures


def gallery(pictures: Sequence[str]) -> str:
    """Every figure of the chapters, with what it shows."""
    none = "This site was built without the chapters' results: `make docs` has them."
    shown = "\n\n".join(pictures) or none
    return f"# Gallery\n\nThe chapters' figures; each was drawn by the code there.\n\n{shown}\n"


# -------------------------------------------------------------------------------- its links


def _relinked(
    text: str, repository: str, place: str, known: Mapping[str, str], target: Path
) -> str:
    """The text with its links as the site has them; files that are no pages come along."""

    def link(found: re.Match[str]) -> str:
        file = os.path.normpath(PurePosixPath(repository).parent / found[1]).replace(os.sep, "/")
        if file in known:
            page = f"{known[file]}.md"
        elif (ROOT / file).is_file():
            page = f"files/{file}"
            (target / page).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, target / page)
        else:  # another site, or nothing: of that Sphinx says so
            return found[1]
        return os.path.relpath(page, PurePosixPath(place).parent).replace(os.sep, "/")

    parts = FENCE.split(text)
    return "".join(part if part.startswith("```") else LINK.sub(link, part) for part in parts)


# ----------------------------------------------------------------------------- its formulas


def _inline(writer: Any, node: Any) -> None:
    from docutils.nodes import SkipNode

    writer.body.append(convert(node.astext()))
    raise SkipNode


def _block(writer: Any, node: Any) -> None:
    from docutils.nodes import SkipNode

    formula = convert(node.astext(), display="block")
    style = "overflow-x:auto;overflow-y:hidden;padding-block:.4rem"
    writer.body.append(f'<div class="math" style="{style}" tabindex="0">{formula}</div>\n')
    raise SkipNode


if __name__ == "__main__":
    sys.exit(main())
