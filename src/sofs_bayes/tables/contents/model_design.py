"""A hierarchical analysis → a table of its design: every choice, what it does, and why."""

from collections.abc import Iterator, Mapping

from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import HierarchicalAnalysis, HierarchicalModel
from sofs_bayes.tables.contents.assumptions import Prior, declared_priors, distribution, prior_note
from sofs_bayes.tables.contents.effects import run_table
from sofs_bayes.tables.formats import Column, Table

# What a choice does, by key of [model] and value.
MEANING: Mapping[str, Mapping[str, str]] = {
    "likelihood": {
        "gaussian": "the linear probability model; effects are changes in risk",
        "binomial logit": "a logistic model of counts; effects are changes in log-odds",
    },
    "weights": {
        "likelihood": "a row counts in the likelihood as often as its matching weight says",
        "covariates": "no matching weights; the strata of the matching enter as covariates",
    },
    "weights_sum_to": {
        "effective size": "weights scaled to sum to (Σw)² / Σw², so that they claim no more"
        " rows than they are worth",
        "rows": "weights scaled to sum to the number of matched rows",
        "weights": "weights as the matching gave them",
    },
    "authorities": {
        "random": "each authority its own level, partially pooled",
        "fixed": "each authority its own level, not pooled",
        "none": "no levels of authorities beyond the pilots' difference",
    },
    "shocks": {
        "persistent": "each authority-year moves by itself, correlated from year to year",
        "independent": "each authority-year moves by itself",
        "none": "authorities keep their level from year to year",
    },
    "pilot_effects": {
        "partial": "pilots' effects differ, and are pulled together as far as they are alike",
        "none": "each pilot's effect by itself",
        "full": "one effect for all pilots",
    },
    "years_since": {
        "separate": "each year since settling-in by itself",
        "exchangeable": "years since settling-in pulled towards their common effect",
        "random walk": "each year since settling-in near the one before",
    },
    "tails": {
        "normal": "authorities and pilots that stand out are pulled in",
        "student t": "authorities and pilots that stand out are pulled in less",
    },
    "departures": {
        "none": "trends that would have been parallel without the programme",
        "pre-trend": "trends that may depart as far as they did before settling-in",
    },
}


def design_table(run: Run) -> Table:
    """Every choice of a hierarchical model in words, then every prior with its why."""
    assert isinstance(run.analysis, HierarchicalAnalysis)
    priors: list[tuple[str, Prior]] = [
        (f"effect, {name}", prior) for name, prior in run.analysis.effect_priors.items()
    ]
    priors += [(name.replace("_", " "), prior) for name, prior in declared_priors(run.analysis)]
    of_priors = ((f"prior: {name}", distribution(prior), prior.why) for name, prior in priors)
    columns = (
        Column(key="part", heading="Part"),
        Column(key="choice", heading="Choice"),
        Column(key="meaning", heading="What it does, or why"),
    )
    lines = [*_regression_lines(run.analysis), *_model_lines(run.analysis), *of_priors]
    note = prior_note(run.analysis)
    return run_table(run, "design", "the model", lines, columns, note, checked=False)


def _regression_lines(analysis: HierarchicalAnalysis) -> Iterator[tuple[str, str, str]]:
    regression = analysis.regression
    table = f", Table {regression.table}" if regression.table else ""
    yield "records", analysis.children.name, analysis.children.title
    yield "regression", f"{analysis.column}{table}", analysis.why
    if regression.without:
        yield "matched groups left out", ", ".join(regression.without), "as in that column"


def _model_lines(analysis: HierarchicalAnalysis) -> Iterator[tuple[str, str, str]]:
    model = analysis.model
    for key, meanings in MEANING.items():
        value = getattr(model, key)
        if key in _of_no_use(analysis):
            continue
        chosen = value
        if (key, value) == ("tails", "student t"):
            chosen = f"student t, {model.degrees_of_freedom:g} degrees of freedom"
        yield key.replace("_", " "), chosen, meanings[value]


def _of_no_use(analysis: HierarchicalAnalysis) -> set[str]:
    """Keys that change nothing in this model."""
    model: HierarchicalModel = analysis.model
    keys = {
        "weights_sum_to": model.weights == "likelihood",
        "years_since": analysis.regression.treatment == "leads and lags",
    }
    return {key for key, used in keys.items() if not used}
