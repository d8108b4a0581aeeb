"""What readers see is in the profession's plain words: phrases that are refused, and where."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = ROOT / "src" / "sofs_bayes"
PACKAGES = (
    *("runs", "tables", "figures", "release", "pages"),
    *("cli", "pipeline", "published", "disclosure"),
)

# A refused phrase as a regular expression, and a text that has it.
REFUSED: Mapping[str, str] = {
    r"made-up|(?-i:SYNTHETIC)|children are made up": "On made-up children the method gives this",
    r"how probable (?:which|is which|each)": "how probable which size of effect is",
    r"\bmay (?:not )?leave\b": "What may leave a secure setting",
    r"which evidence is which": "Which evidence is which",
    r"what (?:this|it|they|each number) rests? on|(?-i:Rests on)": "What this rests on",
    r"\| rests on \|": "| chapter | rests on |",
    r"one \w+ beside the other|beside frequentist|beside Bayesian": "one source beside the other",
    r"asks for a weight|\d asked for|\bis asked for\b|probability is asked": "0.95 is asked for",
    r"holds? together": "What the report prints, and whether it holds together",
    r"questions were put|derive a number that": "47 questions were put to the printed numbers",
    r"stars say nothing|variance times nine|what (?:the )?stars say": "stars say nothing",
    r"stars (?:may )?rest on": "What the stars rest on must be said by the analyst",
    r"claims? least": "the reading that claims least",
    r"\bhangs? on\b": "how far the answer hangs on assumptions",
    r"of the probability lies|with probability 90": "90% of the probability lies between",
    r"that of a change of less": "That of a change of less than one percentage point",
    r"has median": "has median +3.3 percentage points",
    r"before and after the (?:printed|data)": "Before and after the data",
    r"left to 100": "What is left to 100% is the probability of an effect below",
    r"intervals? leaves? out": "0 of 5 intervals leave out 0",
    r"move the threshold|\bmove it\b(?! by)": "Move the threshold",
    r"is for the reader to say": "Which effect would matter is for the reader to say",
    r"had trends not": "Had trends not stayed parallel",
    r"figure 1 again": "Figure 1 again: the pilots' rate",
    r"pilots by themselves|no fit without pooling": "Pilots by themselves are not shown",
    r"how far pilots differ": "its interval also holds how far pilots differ",
    r"names what it rests|must not be missed": "Each line names what it rests on",
    r"no posterior interval": "A confidence interval is no posterior interval",
    r"is the same for word": "report.docx is the same for Word",
    r"\A\W*not there\W*\Z|\(not there\)|: not there\.": "Criterion: not there.",
    r"cannot name the": "It cannot name the report's pilots",
    r"not further evidence": "an alternative, not further evidence",
    r"anything but an?\b": "anything but a decrease of 20 percentage points or more",
    r"one change at a time": "one change at a time (pp)",
    r"differences would tell|whole numbers all the same|told apart": "covariates told apart",
    r"cries wolf|rooms above|where the columns change": "how often a test cries wolf",
    r"stands? under|never a reproduction": "other children: never a reproduction",
}


def refused(text: str) -> list[str]:
    """The refused phrases in a text, however its lines are broken."""
    plain = " ".join(text.split())
    found = (re.search(phrase, plain, re.IGNORECASE) for phrase in REFUSED)
    return [each[0] for each in found if each]


def constants(program: str) -> Iterator[tuple[int, str]]:
    """Lines and texts of a program's strings but for docstrings; `…` where a value is put in."""
    tree = ast.parse(program)
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    inside: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            inside |= {id(part) for part in node.values}
            parts = (p.value if isinstance(p, ast.Constant) else "…" for p in node.values)
            yield node.lineno, "".join(map(str, parts))
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in alone | inside
        ):
            yield node.lineno, node.value


def prose(chapter: str) -> str:
    """A chapter without the marks of its comments, so that sentences run over lines."""
    return re.sub(r"^# ?", "", chapter, flags=re.MULTILINE)


def in_programs() -> Iterator[tuple[str, str]]:
    for package in PACKAGES:
        for path in sorted((PROGRAMS / package).rglob("*.py")):
            for line, text in constants(path.read_text(encoding="utf-8")):
                yield f"{path.relative_to(ROOT)}:{line}", text


def in_documents() -> Iterator[tuple[str, str]]:
    paths = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "models").iterdir()]
    paths += sorted((ROOT / "docs").rglob("*.md"))
    paths += [*(PROGRAMS / "manual").iterdir(), *(PROGRAMS / "pages" / "templates").iterdir()]
    for path in sorted(paths):
        yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "notebooks").glob("*.py")):
        yield str(path.relative_to(ROOT)), prose(path.read_text(encoding="utf-8"))


def test_programs_say_nothing_in_refused_words() -> None:
    texts = list(in_programs())
    assert len(texts) > 5000
    assert {place: found for place, text in texts if (found := refused(text))} == {}


def test_documents_say_nothing_in_refused_words() -> None:
    texts = dict(in_documents())
    assert len(texts) > 50
    assert {place: found for place, text in texts.items() if (found := refused(text))} == {}


@pytest.mark.parametrize(("phrase", "example"), REFUSED.items())
def test_each_phrase_is_found_where_it_is(phrase: str, example: str) -> None:
    assert re.search(phrase, example, re.IGNORECASE)
    assert refused(example)
    assert refused(prose("# " + example.replace(" ", "\n# ")))
    first, *rest = (repr(f"{word} ") for word in example.split())
    program = f'"""Module."""\ntext = (f{first} {" ".join(rest)})\n'
    assert [line for line, text in constants(program) if refused(text)] == [2]


def test_docstrings_and_names_are_not_read() -> None:
    program = 'def made_up() -> None:\n    """Of made-up children."""\n    told = "simulated"\n'
    assert [text for _, text in constants(program)] == ["simulated"]
    assert refused("a whole number ends up not therefore") == []
