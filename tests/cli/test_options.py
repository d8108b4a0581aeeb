"""Options that reach the function of their verb, none lost on the way."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest

import sofs_bayes as sb
from sofs_bayes.cli import parsers
from sofs_bayes.pipeline.fits import fit_folder

# What verbs take themselves, in place of a parameter of the same name.
OF_VERBS: dict[str, set[str]] = {
    "simulate": {"population"},
    "collapse": {"round", "no_check", "lower_threshold_agreed", "no_ledger"},
    "fit": {"output"},
    "report": {"output", "format", "threshold", "lower_threshold_agreed", "no_ledger"},
    "disclose": {"threshold", "lower_threshold_agreed", "no_ledger"},
    "reanalyse": {"output", "files"},
    "check": {"pictures", "replace"},
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "fit": fit_folder,
    **{
        name: getattr(sb, name)
        for name in ("simulate", "match", "collapse", "replicate", "init", "check", "calibrate")
    },
    **{name: getattr(sb, name) for name in ("recover", "placebo", "report", "disclose")},
    "reanalyse": sb.reanalyse,
}


@pytest.mark.parametrize("verb", FUNCTIONS)
def test_every_option_is_a_parameter_of_the_verbs_function(verb: str) -> None:
    taken = {*inspect.signature(FUNCTIONS[verb]).parameters, *OF_VERBS.get(verb, ())}
    options = {action.dest for action in parsers()[verb]._actions} - {"help", "debug"}
    assert options <= taken
