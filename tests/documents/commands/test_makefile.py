"""Every target of the Makefile: what its recipe calls runs, and runs again in the same folder.

`../conftest.py` says what is shortened. Recipes are run by make itself, with programs that only
write down what they were called with; then the package's own commands run here, in that order.
"""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sofs_bayes.cli import _parser

ROOT = Path(__file__).parents[3]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8").replace("\\\n", " ")
TARGETS = [name for line in re.findall(r"^\.PHONY:(.*)", MAKEFILE, re.M) for name in line.split()]
WITH_DATA = ("reanalyse", "calibrate", "notebooks")
# How many commands of the package's own a recipe gives.
OURS = {"reanalyse": 1, "replicate": 6, "posterior": 14, "calibrate": 1, "recover": 1, "placebo": 2}
# The commands of these are those of the manual's pages, one after the other.
AT_LENGTH = ("posterior", "replicate", "calibrate", "reanalyse")

LEDGER = "disclosure-ledger.jsonl"

Make = Callable[..., list[list[str]]]


def test_every_rule_that_makes_no_file_is_a_target_here() -> None:
    rules = set(re.findall(r"^([a-z][\w-]*):", MAKEFILE, re.M))
    assert rules == {*TARGETS}
    assert {*WITH_DATA, *OURS} <= rules


def test_help_names_targets() -> None:
    named = re.findall(r"^#\s+make (\w+)", MAKEFILE, re.M)
    assert len(named) > 5
    assert {*named} <= {*TARGETS}


@pytest.mark.parametrize("target", AT_LENGTH)
def test_the_longest_targets_give_commands_that_there_are(target: str, make: Make) -> None:
    commands = [words[1:] for words in make(target) if words[0] == "sofs-bayes"]
    assert len(commands) == OURS[target]
    for words in commands:
        assert _parser().parse_args(words)


@pytest.mark.parametrize(
    "target",
    [
        pytest.param(target, marks=pytest.mark.long if target in AT_LENGTH else ())
        for target in TARGETS
    ],
)
def test_a_target_runs_and_runs_again(
    target: str, dfe: Path, project: Path, make: Make, typed: Callable[[list[str], Path], None]
) -> None:
    shutil.copytree(dfe, project / "folder")
    before = {path.name for path in project.iterdir()}
    for words in ([target], [target, "OPEN_DATA=folder"] if target in WITH_DATA else [target]):
        commands = make(*words)
        for command in commands:
            typed(command, project)
        assert sum(command[0] == "sofs-bayes" for command in commands) == OURS.get(target, 0)
    assert {path.name for path in project.iterdir()} <= before | {"results", LEDGER}
