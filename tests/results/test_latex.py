"""LaTeX in which nothing that a table holds is a command.

There is no LaTeX here: `plain` reads what is written as LaTeX would, and refuses what it would
refuse.
"""

import re
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sofs_bayes.tables.formats import EVIDENCE_LINES, Column, Table
from sofs_bayes.tables.latex import LONGEST, latex_text, to_latex

# What each command that may stand in a text prints.
COMMANDS = {
    "textbackslash": "\\",
    "textasciitilde": "~",
    "textasciicircum": "^",
    "textless": "<",
    "textgreater": ">",
    "textbar": "|",
    "textasciigrave": "`",
    "ldots": "…",
    "pounds": "£",
    "S": "§",
    "textbullet": "•",
}
TOKEN = re.compile(
    r"\\(?P<word>[A-Za-z]+)\{\}|\\(?P<escaped>[{}$&#%_])|\$(?P<maths>[^$]+)\$"
    r"|\{(?P<group>[^{}\\$&#%_]*)\}|(?P<space>~|\\,)|(?P<dash>---?)|(?P<plain>[^\\{}$&#%_^~])"
)


def plain(latex: str) -> str:
    """What LaTeX prints; raises where it would stop, or read a command."""
    place, out = 0, []
    while place < len(latex):
        found = TOKEN.match(latex, place)
        if found is None:
            raise ValueError(f"LaTeX would take this for a command: {latex[place:]!r}")
        if found["word"]:
            out.append(COMMANDS[found["word"]])
        elif found["space"]:
            out.append("\N{NO-BREAK SPACE}")
        elif found["dash"]:
            out.append({2: "–", 3: "—"}[len(found["dash"])])
        elif found["maths"]:
            out.append("$")
        elif found["group"] == "''":  # a ligature of its own; two apostrophes stand apart
            out.append('"')
        else:
            out.append(found["escaped"] or found["group"] or found["plain"] or "")
        place = found.end()
    return "".join(out)


ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126))


@given(text=ASCII)
@example(text="'\"")
@example(text="''")
def test_every_special_character_is_printed_as_itself(text: str) -> None:
    assert plain(latex_text(text)) == text


@given(text=st.text())
def test_any_text_is_free_of_commands_and_of_what_pdflatex_cannot_print(text: str) -> None:
    written = latex_text(text)
    plain(written)
    assert "\n" not in written
    assert max(map(ord, written), default=0) < 0x180


@pytest.mark.parametrize("text", ["50% of", "a_b", "a & b", "\\input{x}", "{", "$1", "#1", "a^b"])
def test_the_check_notices_what_is_not_escaped(text: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        plain(text)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("−9.2 to +3.9", "$-$9.2 to +3.9"),
        ("±2 × 3", r"$\pm$2 $\times$ 3"),
        ("≤ ∞", r"$\leq$ $\infty$"),
        ("σ Σ λ", r"$\sigma$ $\Sigma$ $\lambda$"),
        ("2013–14 — a", "2013--14 --- a"),
        ("a--b", "a-{-}b"),
        ("<0.01", r"\textless{}0.01"),
        ("100% & more_", r"100\% \& more\_"),
        ("[x]*", "{[}x{]}{*}"),
        ("‘q’ “r”", "{`}q{'} {``}r{''}"),
        ("Ångström naïve", "Ångström naïve"),
        ("中 🙂", "{[}U+4E2D{]} {[}U+1F642{]}"),
        ("ﬁ½", r"fi$\frac{1}{2}$"),
        ("two\nlines\x00", "two lines"),
    ],
)
def test_what_a_text_becomes(text: str, written: str) -> None:
    assert latex_text(text) == written


def table(count: int = 2, **changes: object) -> Table:
    given_: dict[str, object] = {
        "name": "effects_of icpc",
        "title": "Effects & more",
        "columns": (
            Column(key="target", heading="In"),
            Column(key="median", heading="Median", format="pp"),
        ),
        "rows": (("pooled", -0.0123),) * count,
        "evidence": "synthetic",
        "notes": ("90% intervals.",),
    }
    return Table(**(given_ | changes))  # type: ignore[arg-type]


def test_a_short_table_floats_with_caption_label_notes_and_evidence() -> None:
    text = to_latex(table())
    assert text.startswith("% Needs \\usepackage{booktabs,array} ")
    for part in (
        "\\begin{table}[htbp]",
        "\\caption[Effects \\& more]{Effects \\& more}\\label{tab:effects-of-icpc}",
        "\\begin{tabular}{lr}",
        "In & Median \\\\",
        "pooled & $-$1.2 \\\\",
        "90\\% intervals.\\par",
        EVIDENCE_LINES["synthetic"],
    ):
        assert part in text
    assert text.index("\\caption") < text.index("\\toprule") < text.index("Evidence")


def test_a_long_table_runs_over_pages_with_its_header() -> None:
    text = to_latex(table(LONGEST + 1))
    assert "longtable}" in text.split("\n")[0]
    assert text.count("In & Median \\\\") == 2
    assert text.index("\\endfirsthead") < text.index("\\endhead") < text.index("pooled")
    assert "\\begin{table}" not in text


def test_so_does_one_whose_texts_take_as_many_lines() -> None:
    said = "a reason of many words that no column of a page has room for in one line " * 3
    columns = (*table().columns, Column(key="why", heading="Why"))
    long = table(rows=(("pooled", -0.0123, said),) * (LONGEST // 2), columns=columns)
    assert "\\begin{longtable}" in to_latex(long)
    assert "\\begin{table}" in to_latex(replace(long, rows=long.rows[:5]))


def test_what_stands_above_one_column_is_no_wider() -> None:
    """Else LaTeX makes the column as wide as that, and the table wider than the page."""
    group = "Probability that the effect is"
    columns = (
        table().columns[0],
        Column(key="p", heading="above 0", format="probability", group=group),
    )
    text = to_latex(table(rows=(("pooled", 0.8),), columns=columns))
    assert "Probability that \\\\ the effect is\\end{tabular}" in text
    assert group not in text


def test_what_a_check_refused_is_marked() -> None:
    text = to_latex(table(status="not converged"))
    assert "\\textbf{NOT CONVERGED: }" in text
    assert "xcolor" in text.split("\n")[0]
    assert "NOT CONVERGED" not in to_latex(table())


def environments(text: str) -> list[str]:
    """The environments that are open at the end, each closed by its own end."""
    stack: list[str] = []
    for verb, name in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        if verb == "begin":
            stack.append(name)
        elif not stack or stack.pop() != name:
            raise ValueError(f"{name} ends and was not open")
    return stack


def columns_of(line: str) -> int:
    """Columns of a row, counting those that a cell spans; stacks within a cell have none."""
    line = re.sub(r"\\begin\{tabular\}.*?\\end\{tabular\}", "", line)
    spans = [int(width) - 1 for width in re.findall(r"\\multicolumn\{(\d+)\}", line)]
    return 1 + len(re.findall(r"(?<!\\)&", line)) + sum(spans)


def test_a_hard_table_is_whole(hard_table: Table) -> None:
    text = to_latex(hard_table)
    assert environments(text) == []
    assert text.count("{landscape}") == 2
    assert "pdflscape" in text.split("\n")[0]
    start = text.index("\\toprule")
    rows = [line for line in text[start:].split("\n") if line.endswith("\\\\")]
    assert len(rows) == 2 * 2 + len(hard_table.rows)  # its head stands on each page
    assert {columns_of(row) for row in rows} == {20}
    assert "\\multicolumn{20}{l}{\\textbf{A heading}}" in text
    assert "\\cmidrule(lr){2-8}" in text
    assert not any(row.startswith(("[", "*")) for row in rows)


def test_the_checks_of_wholeness_notice_what_is_not() -> None:
    with pytest.raises(ValueError, match="was not open"):
        environments("\\begin{a}\\end{b}")
    assert environments("\\begin{a}") == ["a"]
    assert columns_of("a \\& b & c \\\\") == 2


def test_an_estimate_is_a_stack_of_two_lines(folded_table: Table) -> None:
    stack = "\\begin{tabular}[t]{@{}r@{}}$-$3 \\\\ ($-$9 to +4)\\end{tabular}"
    assert stack in to_latex(folded_table)


def test_long_labels_are_set_in_lines() -> None:
    text = to_latex(table(rows=(("word " * 40, 0.1),)))
    assert re.search(r"\\begin\{tabular\}\{>\{\\raggedright\\arraybackslash\}p\{\d+pt\}r\}", text)
