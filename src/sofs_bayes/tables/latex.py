"""A table as LaTeX: booktabs, every special character as text, notes and evidence below."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from itertools import repeat, zip_longest
from textwrap import wrap

from sofs_bayes.tables.model import Column, Line, Table, lines_of, notes_of, spans_of, writer
from sofs_bayes.tables.office_files import legal_text
from sofs_bayes.tables.widths import LETTER, LONGEST_WORD, PADDING, Layout, layout_of

# A table of more lines may run over pages.
LONGEST = 30
# A text column wider than this (figures' widths) is set in lines of that width.
UNBROKEN = 32.0
POINTS_OF_LETTER = 5.0
SIZES = ((8.5, "\\small"), (7.5, "\\footnotesize"), (0.0, "\\scriptsize"))

# Two of these in a row would become another character.
TWINS = "-',"
_SPECIALS: Mapping[str, str] = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"{''}",
    "`": r"\textasciigrave{}",
    # Behind \\ these two would be taken for its argument or its star.
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    "\t": " ",
    "\N{NO-BREAK SPACE}": "~",
    "\N{NARROW NO-BREAK SPACE}": r"\,",
    "\N{THIN SPACE}": r"\,",
    "\N{EN DASH}": "--",
    "\N{EM DASH}": "---",
    "\N{NON-BREAKING HYPHEN}": "{-}",
    "\N{HORIZONTAL ELLIPSIS}": r"\ldots{}",
    "\N{LEFT SINGLE QUOTATION MARK}": "{`}",
    "\N{RIGHT SINGLE QUOTATION MARK}": "{'}",
    "\N{LEFT DOUBLE QUOTATION MARK}": "{``}",
    "\N{RIGHT DOUBLE QUOTATION MARK}": "{''}",
    "\N{POUND SIGN}": r"\pounds{}",
    "\N{SECTION SIGN}": r"\S{}",
    "\N{BULLET}": r"\textbullet{}",
    "\N{DEGREE SIGN}": r"$^{\circ}$",
}
_MATHS: Mapping[str, str] = {
    "\N{MINUS SIGN}": "-",
    "±": r"\pm",
    "×": r"\times",
    "÷": r"\div",
    "·": r"\cdot",
    "∞": r"\infty",
    "≤": r"\leq",
    "≥": r"\geq",
    "≠": r"\neq",
    "≈": r"\approx",
    "∼": r"\sim",
    "→": r"\rightarrow",
    "←": r"\leftarrow",
    "↑": r"\uparrow",
    "↓": r"\downarrow",
    "∈": r"\in",
    "√": r"\surd",
    "∑": r"\sum",
    "½": r"\frac{1}{2}",
    "²": "^{2}",
    "³": "^{3}",
    "µ": r"\mu",
    **{
        chr(code): "\\" + unicodedata.name(chr(code)).split()[-1].lower().replace("lamda", "lambda")
        for code in range(ord("α"), ord("ω") + 1)
        if chr(code) not in "ος"
    },
    **{
        letter: "\\" + name
        for letter, name in zip(
            "ΓΔΘΛΞΠΣΦΨΩ",
            ("Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Phi", "Psi", "Omega"),
            strict=True,
        )
    },
}
# What pdflatex has letters for: Latin with the accents of Western and Central Europe.
_LETTER = re.compile("[\x20-\x7e\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u0131\u0134-\u0137\u0139-\u017e]")


@writer
def to_latex(table: Table) -> str:
    r"""The table as LaTeX, to be read by \input.

    A comment on top names the packages it needs. Up to 30 lines are a float; more are a
    longtable; what is too wide for an upright page is in landscape. The label is `tab:` and the
    table's name. It compiles with pdflatex and lualatex.
    """
    layout = layout_of(table)
    long = _lines(table, layout) > LONGEST
    inner = _long(table, layout) if long else _float(table, layout)
    if layout.landscape:
        inner = ["\\begin{landscape}", *inner, "\\end{landscape}"]
    return "\n".join([_packages(table, layout, long=long), *inner, ""])


def _lines(table: Table, layout: Layout) -> int:
    """About how many lines its rows take where long texts are set in several."""
    return sum(
        1 if line.heading else max(map(_lines_of, line.cells, layout.widths, repeat(layout)))
        for line in lines_of(table)
    )


def _lines_of(text: str, width: float, layout: Layout) -> int:
    return _wrapped(text, width, layout).count("\n") + 1


def latex_text(text: str) -> str:
    """Text as LaTeX: nothing in it is a command; line ends become spaces.

    What pdflatex knows no character for stands as its code point, [U+4E2D].
    """
    plain = legal_text(text).replace("\n", " ")
    return "".join(
        f"{{{each}}}" if each == before and each in TWINS else _character(each)
        for before, each in zip(" " + plain, plain, strict=False)
    )


def _character(each: str) -> str:
    if each in _SPECIALS:
        return _SPECIALS[each]
    if each in _MATHS:
        return f"${_MATHS[each]}$"
    if _LETTER.fullmatch(each):
        return each
    simple = unicodedata.normalize("NFKC", each)
    if simple != each:
        return "".join(_character(part) for part in simple)
    return f"{{[}}U+{ord(each):04X}{{]}}"


def _packages(table: Table, layout: Layout, *, long: bool) -> str:
    wanted = ["booktabs", "array"]
    if long:
        wanted.append("longtable")
    if layout.landscape:
        wanted.append("pdflscape")
    if table.status != "converged":
        wanted.append("xcolor")
    return (
        f"% Needs \\usepackage{{{','.join(wanted)}}} and, for pdflatex, \\usepackage[T1]{{fontenc}}"
    )


def _float(table: Table, layout: Layout) -> list[str]:
    return [
        "\\begin{table}[htbp]",
        "\\centering",
        _caption(table),
        _size(layout),
        "\\setlength{\\tabcolsep}{4pt}",
        f"\\begin{{tabular}}{{{_columns(table, layout)}}}",
        *_head(table, layout),
        *_body(table),
        "\\bottomrule",
        "\\end{tabular}",
        "\\par\\medskip",
        "\\begin{minipage}{\\linewidth}\\footnotesize\\raggedright",
        *_notes(table),
        "\\end{minipage}",
        "\\end{table}",
    ]


def _long(table: Table, layout: Layout) -> list[str]:
    return [
        f"\\begingroup{_size(layout)}",
        "\\setlength{\\tabcolsep}{4pt}",
        f"\\begin{{longtable}}{{{_columns(table, layout)}}}",
        f"{_caption(table)}\\\\",
        *_head(table, layout),
        "\\endfirsthead",
        *_head(table, layout),
        "\\endhead",
        "\\bottomrule",
        "\\endfoot",
        *_body(table),
        "\\end{longtable}",
        "\\endgroup",
        "{\\footnotesize\\raggedright\\noindent",
        *_notes(table),
        "\\par}",
    ]


def _caption(table: Table) -> str:
    mark = table.caption.removesuffix(table.title)
    shouted = f"\\textcolor{{red!60!black}}{{\\textbf{{{latex_text(mark)}}}}}" if mark else ""
    label = re.sub("[^A-Za-z0-9-]+", "-", table.name).strip("-") or "table"
    # The list of tables takes no colours.
    short = f"[{latex_text(table.caption)}]"
    return f"\\caption{short}{{{shouted}{latex_text(table.title)}}}\\label{{tab:{label}}}"


def _size(layout: Layout) -> str:
    return next(command for least, command in SIZES if layout.size > least)


def _columns(table: Table, layout: Layout) -> str:
    """Numbers right, short text left, long text in lines of a set width."""
    wanted = []
    for column, width in zip(table.columns, layout.widths, strict=True):
        if column.format != "text":
            wanted.append("r")
            continue
        texts = [column.heading, *_texts(table, column.key)]
        short = max(map(len, texts)) <= min(UNBROKEN, max(width / POINTS_OF_LETTER, LONGEST_WORD))
        wanted.append(
            "l" if short else f">{{\\raggedright\\arraybackslash}}p{{{width - PADDING:.0f}pt}}"
        )
    return "".join(wanted)


def _texts(table: Table, key: str) -> list[str]:
    (place,) = (i for i, column in enumerate(table.columns) if column.key == key)
    lines = [line.cells[place] for line in lines_of(table) if not line.heading]
    return [part for text in lines for part in text.split("\n")]


def _head(table: Table, layout: Layout) -> list[str]:
    lines = ["\\toprule"]
    spans = spans_of(table)
    if spans:
        cells, rules, start = [], [], 1
        for group, width in spans:
            room = sum(layout.widths[start - 1 : start - 1 + width])
            heading = _stacked(_wrapped(group, room, layout), "c", place="b")
            cells.append(f"\\multicolumn{{{width}}}{{c}}{{{heading}}}" if group else "")
            cells[-1] += " &" * (width - 1) if not group else ""
            if group:
                rules.append(f"\\cmidrule(lr){{{start}-{start + width - 1}}}")
            start += width
        lines += [" & ".join(cells) + " \\\\", " ".join(rules)]
    heads = [
        _stacked(_wrapped(column.heading, width, layout), _side(column), place="b")
        for column, width in zip(table.columns, layout.widths, strict=True)
    ]
    return [*lines, " & ".join(heads) + " \\\\", "\\midrule"]


def _side(column: Column) -> str:
    return "l" if column.format == "text" else "r"


def _wrapped(heading: str, width: float, layout: Layout) -> str:
    """Text in lines that are about as wide as its columns, which LaTeX would not wrap."""
    letters = 2 + round((width - PADDING) / (layout.size * LETTER))
    parts = heading.split("\n")
    return "\n".join("\n".join(wrap(part, letters, break_long_words=False)) for part in parts)


def _body(table: Table) -> list[str]:
    return [_row(table, line) for line in lines_of(table)]


def _row(table: Table, line: Line) -> str:
    if line.heading:
        width = len(line.cells)
        return f"\\multicolumn{{{width}}}{{l}}{{\\textbf{{{latex_text(line.cells[0])}}}}} \\\\"
    cells = [
        _stacked(text, _side(column), place="t", bold=line.bold, pads=pads)
        for text, pads, column in zip(line.cells, line.pads, table.columns, strict=True)
    ]
    return " & ".join(cells) + " \\\\"


def _stacked(
    text: str, side: str, *, place: str, bold: bool = False, pads: Sequence[str] = ()
) -> str:
    """A cell; with several lines, a table of its own, which needs no package."""
    parts = [
        latex_text(part) + (f"\\hphantom{{{latex_text(pad)}}}" if pad else "")
        for part, pad in zip_longest(legal_text(text).split("\n"), pads, fillvalue="")
    ]
    if bold:
        parts = [f"\\textbf{{{part}}}" for part in parts]
    if len(parts) == 1:
        return parts[0]
    stack = " \\\\ ".join(parts)
    return f"\\begin{{tabular}}[{place}]{{@{{}}{side}@{{}}}}{stack}\\end{{tabular}}"


def _notes(table: Table) -> Sequence[str]:
    return [f"{latex_text(note)}\\par" for note in notes_of(table)]
