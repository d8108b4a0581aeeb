"""Runs → the checklist of the Bayesian analysis reporting guidelines, filled from what they hold.

The steps are those of Kruschke (2021), Bayesian Analysis Reporting Guidelines, Nature Human
Behaviour 5, 1282-1291; what each asks is said in other words here, and one question is added.
"""

import csv
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources

from sofs_bayes.pages.barg_answers import ANSWERS, Answer, OnPage
from sofs_bayes.pages.page import CheckLine, State
from sofs_bayes.runs.run_folder import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A question of the guidelines, how a run answers it, and where on the page to look.

    `where` are anchors; one that begins with a hyphen belongs to each run, behind its name.
    """

    step: str
    heading: str
    asks: str
    judge: Callable[[Run, OnPage], Answer]
    where: tuple[str, ...]


def _items() -> Iterator[Item]:
    """The questions in the order of the file, each with what answers it."""
    text = (resources.files("sofs_bayes.pages") / "checklist.csv").read_text(encoding="utf-8")
    lines = csv.DictReader(text.splitlines())
    for line, judge in zip(lines, ANSWERS, strict=True):
        where = tuple(line.pop("where").split())
        yield Item(**line, judge=judge, where=where)


ITEMS = tuple(_items())


def checklist(
    runs: Sequence[Run], *, anchors: Collection[str], figures: Collection[str]
) -> tuple[CheckLine, ...]:
    """Every question with what the runs have, and whether that is enough.

    A question is `met` if every run meets it, `not reported` if none has anything, else `partly`.

    Parameters
    ----------
    anchors
        Of the page: what is said to stand there is looked for among them.
    figures
        Names of the runs that the page shows figures of.
    """
    page = OnPage(anchors=frozenset(anchors), figures=frozenset(figures))
    return tuple(_line(item, runs, page) for item in ITEMS)


def _line(item: Item, runs: Sequence[Run], page: OnPage) -> CheckLine:
    found = [(run, *item.judge(run, page)) for run in runs]
    return CheckLine(
        step=item.step,
        heading=item.heading,
        asks=item.asks,
        state=_together([state for _, state, _ in found]),
        has=tuple(_said([(run.analysis.name, state, text) for run, state, text in found])),
        links=tuple(_links(item, runs, page)),
    )


def _together(states: Sequence[State]) -> State:
    if len(set(states)) == 1:
        return states[0]
    return "partly"


def _said(found: Sequence[tuple[str, State, str]]) -> Iterator[str]:
    """What each run has; what is true of all is said once, what they lack is said so."""
    states = {state for _, state, _ in found}
    texts = {text for _, _, text in found}
    if len(texts) == 1:
        yield texts.pop()
        return
    for name, state, text in found:
        yield f"{name}{'' if len(states) == 1 else f' ({state})'}: {text}"


def _links(item: Item, runs: Sequence[Run], page: OnPage) -> Iterator[tuple[str, str]]:
    for place in item.where:
        if not place.startswith("-"):
            if place in page.anchors:
                yield _NAMES[place], place
            continue
        for run in runs:
            anchor = run.analysis.name + ("" if place == "-" else place)
            if anchor in page.anchors:
                what = place.removeprefix("-").replace("_", " ")
                yield f"{run.analysis.name}{f': {what}' if what else ''}", anchor


_NAMES = {
    "question": "The question",
    "evidence": "What each source can tell you",
    "answer": "The answer",
    "explore": "How likely is an effect larger than …?",
    "checks": "Checks",
    "provenance": "How it was made",
}
