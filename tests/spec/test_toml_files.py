"""TOML files that are no analysis: cycles, depth, sizes, odd signs; one line each, and at once."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sofs_bayes.cli import main
from sofs_bayes.errors import BadInput, BadSpec
from sofs_bayes.spec import bundled_models, check_name, load
from sofs_bayes.spec.names import file_stem

PRINTED = bundled_models()["icpc-printed"].read_text(encoding="utf-8")
LINEAR = bundled_models()["icpc-linear"].read_text(encoding="utf-8")
NAMED = 'children = "icpc-children"'
CORRELATION = "correlation = [[1.0, 1.0], [2.0, 2.0], [4.0, 2.0], [2.0, 4.0], [8.0, 2.0]]"
assert NAMED in LINEAR and CORRELATION in PRINTED


def changed(old: str, new: str, text: str = PRINTED) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


def refused(path: Path) -> list[str]:
    """The lines of a refusal, which come within seconds and are no novel."""
    start = time.process_time()
    with pytest.raises((BadInput, BadSpec)) as error:
        load(path)
    assert time.process_time() - start < 10
    lines = str(error.value).splitlines()
    assert all(len(line) < 1500 for line in lines)
    return [line.removeprefix(f"{path}: ") for line in lines]


def written(text: str | bytes, folder: Path) -> Path:
    path = folder / "a.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


# ------------------------------------------------------------------------------- cycles


@pytest.mark.parametrize("length", [1, 2, 3, 400])
def test_analyses_that_name_each_other_are_refused(length: int, tmp_path: Path) -> None:
    for i in range(length):
        other = f'children = "{(i + 1) % length}.toml"'
        (tmp_path / f"{i}.toml").write_text(changed(NAMED, other, LINEAR), encoding="utf-8")
    assert refused(tmp_path / "0.toml") == [
        f"children: found '{1 % length}.toml'; allowed: an analysis of children's records"
    ]


def test_an_analysis_named_by_its_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_bytes(bundled_models()["icpc-children"].read_bytes())
    path = written(changed(NAMED, 'children = "own.toml"', LINEAR), tmp_path)
    assert load(path) == load("icpc-linear")


# ------------------------------------------------------------------------ depth and size

DEEP = "tables or lists in one another"
SIZES = "allowed: 0, and sizes from 1e-12 to 1e12"
NO_SIGN = "allowed: signs that can be printed"

TOO_MUCH: dict[str, tuple[str, str]] = {
    "lists": ("a = " + "[" * 100_000 + "]" * 100_000, f"found {DEEP}"),
    "inline tables": ("a = " + "{a = " * 100_000 + "1" + "}" * 100_000, f"found {DEEP}"),
    "lists, not too deep to parse": (
        PRINTED + "\n[x]\na = " + "[" * 60 + "]" * 60,
        f": found {DEEP} beyond that; allowed: at most 20 levels",
    ),
    # As of Python 3.14 these are too deep to parse.
    "tables": (f"{PRINTED}\n[{'.'.join(['a'] * 5000)}]\nb = 1\n", f"found {DEEP}"),
    "keys": (f"{'.'.join(['a'] * 5000)} = 1\n{PRINTED}", f"found {DEEP}"),
    "digits": (
        changed("children = 152231", "children = " + "9" * 100_000),
        f"found a whole number of too many digits; {SIZES}",
    ),
    "digits that Python takes": (
        changed("children = 152231", "children = " + "9" * 4000),
        f"design.children: found a number too large; {SIZES}",
    ),
    "an exponent": (
        changed("base_rate = 0.11", "base_rate = 1e-300"),
        f"design.base_rate: found a number too near to 0; {SIZES}",
    ),
    "a text": (
        changed(NAMED, f'children = "{"x" * 900_000}"', LINEAR),
        "children: found a text of 900,000 characters; allowed: at most 10,000",
    ),
    "a path": (changed(NAMED, f'children = "{"x" * 5000}.toml"', LINEAR), ""),
    "a name": (
        changed('name = "icpc-printed"', f'name = "{"x" * 101}"'),
        f"name: found '{'x' * 101}'; allowed: up to 100 letters",
    ),
    "a key": (f"{PRINTED}\n[{'k' * 20_000}]\n", "k" * 200),
    "bytes": (f"{PRINTED}\n#{'x' * 2_000_000}", "found more than 1,000,000 bytes; allowed"),
    "NUL in a name": (
        changed('name = "icpc-printed"', 'name = "a\\u0000b"'),
        f"name: found the sign '\\x00'; {NO_SIGN}",
    ),
    "NUL in a path": (
        changed(NAMED, 'children = "a\\u0000.toml"', LINEAR),
        f"children: found the sign '\\x00'; {NO_SIGN}",
    ),
    "a line break in a key": (f'{PRINTED}\n["a\\nb"]\n', "a\\nb: found an unknown key"),
    "pilots": (
        changed("pilots = 6", "pilots = 1_000_000"),
        "design.pilots: found 1000000; allowed: less than or equal to 1000",
    ),
}


@pytest.mark.parametrize("what", TOO_MUCH)
def test_what_no_analysis_has_is_one_line(what: str, tmp_path: Path) -> None:
    text, found = TOO_MUCH[what]
    (line,) = refused(written(text, tmp_path))
    anywhere = found.startswith((":", f"found {DEEP}"))
    assert found in line if anywhere else line.startswith(found)


@pytest.mark.parametrize(
    ("pairs", "found"),
    [
        ("[[1e30, 1.0]]", f".0.0: found a number too large; {SIZES}"),
        ("[[1e-300, 1.0]]", f".0.0: found a number too near to 0; {SIZES}"),
        ("[[1e9, 1.0]]", ".0.0: found 1000000000.0; allowed: less than or equal to 200"),
        ("[[0.0, 1.0]]", ".0.0: found 0.0; allowed: greater than 0"),
        ("[[-1.0, 1.0]]", ".0.0: found -1.0; allowed: greater than 0"),
        ("[[nan, 1.0]]", ".0.0: found nan; allowed: a finite number"),
        ("[[inf, 1.0]]", ".0.0: found inf; allowed: a finite number"),
        ("[[1.0]]", ".0.1: found nothing; allowed: a value must be given"),
        ("[['a', 1.0]]", ".0.0: found 'a'; allowed: a number"),
        ("[[1.0, 2.0, 3.0]]", ".0: found [1.0, 2.0, 3.0]; allowed: at most 2 items, not 3"),
    ],
)
def test_odd_correlations_fail_at_once(pairs: str, found: str, tmp_path: Path) -> None:
    path = written(changed(CORRELATION, f"correlation = {pairs}"), tmp_path)
    (line,) = refused(path)
    assert line.startswith(f"sensitivity.correlation{found}")


def test_thousands_of_faults_are_counted_not_listed(tmp_path: Path) -> None:
    lines = refused(written(PRINTED + "".join(f"[t{i}]\n" for i in range(5000)), tmp_path))
    assert len(lines) == 51
    assert lines[-1] == "and 4,950 more"


# --------------------------------------------------------------------------------- files


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (Path.mkdir, "found a folder"),
        (lambda path: path.symlink_to("/dev/zero"), "found a device or a pipe"),
        (os.mkfifo, "found a device or a pipe"),
        (lambda path: path.symlink_to("nowhere"), "found no such file or folder"),
        (lambda path: path.write_bytes(b""), "kind: found None"),
        (lambda path: path.write_bytes(PRINTED.encode("utf-16")), "byte 0: found not UTF-8"),
        (lambda path: path.write_bytes(b"\xff" + PRINTED.encode()), "byte 0: found not UTF-8"),
        (lambda path: path.write_bytes(b"PK\x03\x04"), "found not TOML"),
    ],
)
def test_files_that_are_no_toml_are_named(
    make: Callable[[Path], object], found: str, tmp_path: Path
) -> None:
    make(tmp_path / "a.toml")
    (line,) = refused(tmp_path / "a.toml")
    assert line.startswith(found)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    assert load(written(b"\xef\xbb\xbf" + PRINTED.encode(), tmp_path)) == load("icpc-printed")


# --------------------------------------------------------------------------------- names

NO_NAMES = [
    *("../../escaped", "/abs/path", "a/b", "a\\b", "..", ".", ".hidden", "", " ", "a b", "a\nb"),
    *("é", "ａ", "٣", "a:b", "~", "a*", "a\u200b", "x" * 101, "con:", "a%2fb"),
    *("a.", "con", "NUL", "aux.csv", "Com1", "lpt9.a.b", "-."),
]


@pytest.mark.parametrize(
    "name", ["a", "A-1_b.c", "-", "x" * 100, "2014", "icpc-printed", "console", "com", "a.nul"]
)
def test_names_that_files_may_have(name: str, tmp_path: Path) -> None:
    assert check_name("a file", "a place", name) == name
    path = written(changed('name = "icpc-printed"', f'name = "{name}"'), tmp_path)
    assert load(path).name == name


@pytest.mark.parametrize("name", NO_NAMES)
def test_names_that_lead_elsewhere_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"^a file: a place: found "):
        check_name("a file", "a place", name)
    written_ = name.replace("\\", "\\\\").replace("\n", "\\n")
    for text in (PRINTED, LINEAR, *map(Path.read_text, FILES_OF_OTHER_KINDS)):
        own = next(line for line in text.splitlines() if line.startswith("name = "))
        path = written(text.replace(own, f'name = "{written_}"', 1), tmp_path)
        (line,) = refused(path)
        assert line.startswith("name: found ")
        assert "letters (a to z), digits, '.', '_' and '-', not '.' first or last" in line


@pytest.mark.parametrize(
    ("text", "stem"),
    [("NUL", "_NUL"), ("com1.txt", "_com1.txt"), ("Our café", "Our-caf"), ("..", "table")],
)
def test_a_files_name_for_any_text_is_a_name(text: str, stem: str) -> None:
    assert file_stem(text) == stem
    assert check_name("a file", "a place", stem) == stem


def test_a_name_made_of_two_may_be_as_long_as_both() -> None:
    for longest, parts in ((100, 1), (201, 2)):
        assert check_name("a file", "a place", "x" * longest, parts=parts)
        with pytest.raises(BadInput):
            check_name("a file", "a place", "x" * (longest + 1), parts=parts)


FILES_OF_OTHER_KINDS = [bundled_models()["icpc-open-data"], bundled_models()["icpc-children"]]


def test_a_name_writes_nothing_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "in" / "side"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    written(changed('name = "icpc-printed"', 'name = "../../escaped"'), folder)
    assert main(["fit", "a.toml"]) == 2
    assert capsys.readouterr().err.startswith("a.toml: name: found '../../escaped'; allowed")
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "in", folder, folder / "a.toml"]


# ------------------------------------------------------------------------------- reasons

WHY = "Hardly informative: effects as large as the base rate itself remain plausible."


@pytest.mark.parametrize(
    "why",
    [
        *(" " * 12, "." * 12, "\u200b" * 12, "\u00ad" * 12, "\u3164" * 12, "\u2800" * 12),
        *("- - - - - - -", "1234567890123", "…" * 12, "a b c d . . . .", "\t" * 12, "()[]{}<>()[]"),
    ],
)
def test_a_reason_has_words(why: str, tmp_path: Path) -> None:
    (line,) = refused(written(changed(WHY, why.replace("\t", "\\t")), tmp_path))
    assert line.startswith("effect_priors.reference.why: found ")
    assert line.endswith("; allowed: a reason in words")


@pytest.mark.parametrize(
    "why", ["So it was in 2014", "因为先前的研究是这样说的", "Yes, 0.05 was printed"]
)
def test_short_reasons_are_reasons(why: str, tmp_path: Path) -> None:
    load(written(changed(WHY, why), tmp_path))
