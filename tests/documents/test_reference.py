"""The reference: every public function says what goes in and comes out, and has an example.

The examples run, in a folder that has what they presuppose; `conftest.py` says what is shortened.
"""

import doctest
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sofs_bayes as sb

pytestmark = pytest.mark.usefixtures("empty_pictures")

FUNCTIONS = [name for name in sb.__all__ if not inspect.isclass(getattr(sb, name))]
# What only `replicate` has at hand, which writes both; and cells with a term for every covariate.
WITHOUT_EXAMPLE = {"replication_tables", "replication_drawing", "gram"}
# Those that take longest; the pages of the manual have them, too.
AT_LENGTH = {"reanalyse", "calibrate_all", "calibrate", "recover", "placebo"}
SHOWN = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL


def sections(document: str) -> dict[str, str]:
    parts = re.split(r"^(\w+)\n-{3,}\n", document, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def lacks(function: Callable[..., Any]) -> set[str]:
    """What a function's docstring does not say."""
    found = sections(inspect.getdoc(function) or "")
    heads = re.findall(r"^(?! )(.+)$", found.get("Parameters", ""), flags=re.MULTILINE)
    named = {name for line in heads for name in re.split(r",\s*", line)}
    signature = inspect.signature(function)
    wanted = set(signature.parameters) - named
    if signature.return_annotation not in (None, "None") and "Returns" not in found:
        wanted.add("Returns")
    if "Examples" not in found and function.__name__ not in WITHOUT_EXAMPLE:
        wanted.add("Examples")
    return wanted


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_public_function_says_what_goes_in_and_comes_out(name: str) -> None:
    function = getattr(sb, name)
    if name == "replication_drawing":  # its own name is another
        assert lacks(function) == {"Examples"}
    else:
        assert lacks(function) == set()


def test_what_is_not_said_is_noticed() -> None:
    def told(first: int, second: int) -> int:
        """Of two.

        Parameters
        ----------
        first
            One.
        """
        return first + second

    assert lacks(told) == {"second", "Returns", "Examples"}


@pytest.fixture(scope="module")
def place(shelf: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what examples presuppose."""
    folder = tmp_path_factory.mktemp("examples")
    for name in ("children", "matched", "cells", "runs/icpc", "runs/icpc-printed"):
        shelf.put(name, folder)
    shelf.put("runs/icpc-lagged", folder)
    return folder


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.long if name in AT_LENGTH else ())
        for name in FUNCTIONS
        if name not in WITHOUT_EXAMPLE
    ],
)
def test_an_example_gives_what_it_shows(
    name: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    text = sections(inspect.getdoc(getattr(sb, name)) or "")["Examples"]
    test = doctest.DocTestParser().get_doctest(text, {"sb": sb}, name, None, 0)
    assert f"sb.{name}(" in text
    said: list[str] = []
    failed, tried = doctest.DocTestRunner(optionflags=SHOWN).run(test, out=said.append)
    assert tried and not failed, "".join(said)


def test_an_example_that_gives_something_else_is_noticed() -> None:
    test = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, 0)
    assert doctest.DocTestRunner(optionflags=SHOWN).run(test, out=lambda _: None).failed == 1
