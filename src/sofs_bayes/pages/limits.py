"""What nobody should take from a report."""

from collections.abc import Sequence

from sofs_bayes.pages.page import Part
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import FittedAnalysis, OpenAnalysis, PrintedAnalysis
from sofs_bayes.spec.study import evaluated_by, of_report, words_of

CONDITIONAL = (
    "Probabilities hold under the model and the prior named beside them. The checks can speak"
    " against a model, never prove it."
)
PARALLEL = (
    "That trends would have been parallel without {evaluated} is assumed; the tipping point,"
    " where there is one, says how wrong that would have to be."
)
EITHER = "{more}, or fewer, may be good or bad: no number here says which."
DECLARED = "That {direction} of {events} is better is the analyst's word: no number here tests it."
OF_PILOTS = (
    "Pilots are numbered as in the report and are not identified: no number here is given to a"
    " named authority."
)
OF_PRINT = (
    "Printed stars bound the errors only loosely, and all else about the data behind them is"
    " assumed (independent authorities, normal errors)."
)
OF_COUNTS = (
    "Open counts are of whole authorities, not adjusted for whom they are of. A change in"
    " recording, or in anything else that befell the pilots alone, looks like an effect.",
)


def limits(runs: Sequence[Run]) -> Part:
    """What the evidence of these runs cannot show."""
    analyses = [run.analysis for run in runs]
    bullets = [CONDITIONAL, PARALLEL.format(evaluated=evaluated_by(analyses))]
    bullets += dict.fromkeys(direction_sentence(each) for each in analyses)
    printed = [each for each in analyses if isinstance(each, PrintedAnalysis)]
    if any(analysis.from_table is not None for analysis in printed):
        bullets.append(OF_PILOTS)
    if printed:
        bullets.append(OF_PRINT)
    if any(isinstance(run.analysis, OpenAnalysis) for run in runs):
        bullets += OF_COUNTS
    return Part(heading="What this does not show", anchor="limits", bullets=tuple(bullets))


def direction_sentence(analysis: FittedAnalysis) -> str:
    """Which change of an outcome is the better one, and on whose word."""
    if of_report(analysis):
        return EITHER.format(more="More conferences")
    words = words_of(analysis)
    if words.direction == "neither":
        return EITHER.format(more=f"More {words.events}")
    return DECLARED.format(direction=f"a {words.direction.split()[0]} rate", events=words.events)
