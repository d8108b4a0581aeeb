"""Runs → the checklist of the Bayesian analysis reporting guidelines, filled from what they hold.

The steps are those of Kruschke (2021), Bayesian Analysis Reporting Guidelines, Nature Human
Behaviour 5, 1282-1291; what each asks is said in other words here, and one question is added.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from sofs_bayes.pages import barg_answers as answer
from sofs_bayes.pages import barg_sensitivity as further
from sofs_bayes.pages.barg_answers import Answer, OnPage
from sofs_bayes.pages.page import CheckLine, State
from sofs_bayes.runs.run_folder import Run

PREAMBLE = "Preamble"
MODEL = "Step 1: explain the model"
COMPUTATION = "Step 2: report the computation"
POSTERIOR = "Step 3: describe the posterior"
DECISIONS = "Step 4: report decisions and their criteria"
SENSITIVITY = "Step 5: report sensitivity"
REPRODUCIBLE = "Step 6: make it reproducible"


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


ITEMS = (
    Item(
        step=PREAMBLE,
        heading="Reason",
        asks="Why is a Bayesian analysis made, and what question does it answer?",
        judge=answer.reason,
        where=("question", "-"),
    ),
    Item(
        step=PREAMBLE,
        heading="Goal",
        asks="What is estimated or compared, and on which scale is it told?",
        judge=answer.goal,
        where=("answer",),
    ),
    Item(
        step=MODEL,
        heading="Data",
        asks="What was observed: variables, units, how many, from which files?",
        judge=answer.data,
        where=("evidence", "-design", "-arm_years", "-windows"),
    ),
    Item(
        step=MODEL,
        heading="Likelihood and parameters",
        asks="How do parameters produce data, and what does each parameter mean?",
        judge=answer.likelihood,
        where=("-model", "-design"),
    ),
    Item(
        step=MODEL,
        heading="Priors",
        asks="What is believed of every parameter beforehand, and for which reason?",
        judge=answer.priors,
        where=("-priors", "-design"),
    ),
    Item(
        step=MODEL,
        heading="Formal specification",
        asks="Is the model written down so that somebody else could build the same?",
        judge=answer.specification,
        where=("-model",),
    ),
    Item(
        step=MODEL,
        heading="Prior predictive check",
        asks="What data do the priors alone lead to: is that plausible?",
        judge=answer.prior_predictive,
        where=("-arm_years", "-predictive_statistics"),
    ),
    Item(
        step=COMPUTATION,
        heading="Software",
        asks="Which programs, versions and settings made the draws?",
        judge=answer.software,
        where=("provenance",),
    ),
    Item(
        step=COMPUTATION,
        heading="Convergence",
        asks="Did all chains of all fits arrive at the same distribution?",
        judge=answer.convergence,
        where=("checks", "-diagnostics"),
    ),
    Item(
        step=COMPUTATION,
        heading="Resolution",
        asks="Are there enough independent draws for the digits that are shown?",
        judge=answer.resolution,
        where=("-diagnostics", "-monte_carlo"),
    ),
    Item(
        step=POSTERIOR,
        heading="Posterior predictive check",
        asks="Does the fitted model produce data like those observed?",
        judge=answer.posterior_predictive,
        where=("-arm_years", "-predictive"),
    ),
    Item(
        step=POSTERIOR,
        heading="Summary of the parameters",
        asks="Are centre, interval and probabilities given for what matters?",
        judge=answer.summary,
        where=("answer", "-"),
    ),
    Item(
        step=POSTERIOR,
        heading="Bayes factors, if any",
        asks="If models are compared by Bayes factors: which, with which prior odds?",
        judge=answer.bayes_factors,
        where=(),
    ),
    Item(
        step=DECISIONS,
        heading="Reason for a decision",
        asks="If something is decided: why, and what does a wrong decision cost?",
        judge=further.decision_reason,
        where=("answer",),
    ),
    Item(
        step=DECISIONS,
        heading="Criterion",
        asks="Which region counts as no effect, which probability is required, and why?",
        judge=further.criterion,
        where=("answer",),
    ),
    Item(
        step=DECISIONS,
        heading="The decision and its probability",
        asks="What follows by the criterion, with what probability?",
        judge=further.decision,
        where=("answer",),
    ),
    Item(
        step=SENSITIVITY,
        heading="Broad priors",
        asks="Does the answer change if the vague priors are wider or narrower?",
        judge=further.broad_priors,
        where=("-priors", "-sensitivity", "-power_scaling"),
    ),
    Item(
        step=SENSITIVITY,
        heading="Informed priors",
        asks="What would people of other convictions conclude from the same data?",
        judge=further.informed_priors,
        where=("explore", "-"),
    ),
    Item(
        step=SENSITIVITY,
        heading="Default priors",
        asks="How far does the answer depend on the prior taken where none is preferred?",
        judge=further.default_priors,
        where=("-power_scaling",),
    ),
    Item(
        step=SENSITIVITY,
        heading="Bayes factors, if any",
        asks="How far do Bayes factors depend on the priors within the models?",
        judge=answer.bayes_factors,
        where=(),
    ),
    Item(
        step=SENSITIVITY,
        heading="Decisions, if any",
        asks="Would the decision be another one under other priors?",
        judge=further.decision_sensitivity,
        where=("answer",),
    ),
    Item(
        step=SENSITIVITY,
        heading="Data and assumptions (beyond the guidelines)",
        asks="What if single authorities were left out, or trends had not been parallel?",
        judge=further.assumptions,
        where=("-tipping_points", "-sensitivity"),
    ),
    Item(
        step=REPRODUCIBLE,
        heading="Software to install",
        asks="Can the same versions of all software be installed again?",
        judge=further.installation,
        where=("provenance",),
    ),
    Item(
        step=REPRODUCIBLE,
        heading="Seeds",
        asks="Is all randomness fixed by a seed that is told?",
        judge=further.seed,
        where=("provenance",),
    ),
    Item(
        step=REPRODUCIBLE,
        heading="Code and data",
        asks="Can others get the analysis and the data?",
        judge=further.code_and_data,
        where=("provenance", "evidence"),
    ),
    Item(
        step=REPRODUCIBLE,
        heading="Auxiliary files",
        asks="Is everything there that the numbers are made from, and unchanged?",
        judge=further.files,
        where=("provenance",),
    ),
    Item(
        step=REPRODUCIBLE,
        heading="Runs as it is",
        asks="Which command makes the same again?",
        judge=further.command,
        where=("provenance",),
    ),
    Item(
        step=REPRODUCIBLE,
        heading="The draws",
        asks="Are the draws themselves kept, so that other questions can be put to them?",
        judge=further.draws,
        where=("provenance",),
    ),
    Item(
        step=REPRODUCIBLE,
        heading="Figures",
        asks="Are figures there in a quality fit for print, with their numbers?",
        judge=further.figures,
        where=("-",),
    ),
)


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
