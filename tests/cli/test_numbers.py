"""Numbers on the command line: one way to write them, finite, within bounds that are named."""

import argparse
from collections.abc import Iterator

import pytest

from sofs_bayes.cli import _parser
from sofs_bayes.cli.arguments import Numbers, Wholes

NO_NUMBERS = ("2_012", "٣", "１", " 1", "1 ", "+1", "0x1", "1e999", "nan", "inf", "-inf", "", "x")
NOT_WHOLE = ("1.0", "1e2", ".5", "9" * 16)


PARSER = _parser()


def numeric_options() -> Iterator[tuple[str, argparse.Action]]:
    """Every option of every verb that takes numbers, with the words that come before it."""
    verbs = next(each.choices for each in PARSER._actions if isinstance(each.choices, dict))
    for verb, parser in verbs.items():
        for action in parser._actions:
            assert action.type not in (int, float, complex), f"{verb} {action.dest}"
            if isinstance(action.type, Numbers):
                yield verb, action


OPTIONS = [pytest.param(*each, id=f"{each[0]} {each[1].dest}") for each in numeric_options()]


def test_there_are_such_options() -> None:
    assert len(OPTIONS) >= 24


@pytest.mark.parametrize(("verb", "action"), OPTIONS)
def test_a_number_is_written_in_one_way(
    verb: str, action: argparse.Action, capsys: pytest.CaptureFixture[str]
) -> None:
    given = action.type
    assert isinstance(given, Numbers)
    (option,) = action.option_strings
    for text in (*NO_NUMBERS, *(NOT_WHOLE if isinstance(given, Wholes) else ())):
        words = [option, text, text] if action.nargs == 2 else [f"{option}={text}"]
        if action.nargs == 2 and text.startswith("-"):  # an option, to the parser
            continue
        with pytest.raises(SystemExit) as ended:
            PARSER.parse_args([verb, *words])
        said = capsys.readouterr().err
        assert ended.value.code == 2 and said.count("\n") == 1
        assert f"argument {option}: {text!r} is no {given} (see" in said


@pytest.mark.parametrize(
    ("given", "inside", "outside", "said"),
    [
        (
            Wholes(least=1990, most=2100),
            ("1990", "2100"),
            ("1989", "2101"),
            "number at least 1990 and at most 2100",
        ),
        (Wholes(least=1), ("1", "007"), ("0", "-1"), "whole number at least 1"),
        (Numbers(), ("-0.5", ".5", "1e-3", "5."), (), "finite number"),
        (Numbers(least=0), ("0", "1e3"), ("-1e-9",), "number at least 0"),
        (Numbers(least=0, below=1), ("0", "0.999"), ("1", "-0.1"), "number at least 0 and below 1"),
        (Numbers(above=0, most=9), ("0.1", "9"), ("0", "9.1"), "number above 0 and at most 9"),
    ],
    ids=str,
)
def test_bounds_are_kept_and_named(
    given: Numbers, inside: tuple[str, ...], outside: tuple[str, ...], said: str
) -> None:
    assert [given(text) for text in inside] == [float(text) for text in inside]
    assert said in str(given)
    for text in outside:
        with pytest.raises(argparse.ArgumentTypeError, match=str(given)):
            given(text)
