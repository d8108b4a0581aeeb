"""The formula of each kind of analysis, in a line or two, as far as an analysis uses it."""

from collections.abc import Iterator

from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import HierarchicalAnalysis, OpenAnalysis

PRINTED = (
    "(β̂, δ̂) ~ Normal((β, δ), V): the printed coefficients of pilots and of their change scatter"
    " around the true ones; V grows with s, how far an authority's mean of a period departs from"
    " its arm's, falls with c, the correlation of an authority's two departures, and has the"
    " variance of single outcomes.",
    "P(stars | V) is the probability that a standard error clustered on the authority, of which"
    " V is the mean but for a known factor, gives the printed stars. δ is the effect.",
)
OPEN = (
    "y_jt ~ Binomial(n_jt, expit(η_jt)), with η_jt = α + λ_t + β P_j + (δ + d_j) D_jt + u_j + v_jt"
    " for authority j in year t; P marks pilots, D a pilot's years after settling-in.",
)
GAUSSIAN = "y_i ~ Normal(η_i, σ)"
LOGIT = "y_i ~ Bernoulli(expit(η_i))"
CHILDREN = (
    "{likelihood}, with η_i = α + λ_t + {treatment} + z_jt'κ{levels}{shocks} + x_i'γ for a row i"
    " of authority j in year t; x and z are the covariates of rows and of authorities,"
    " P marks pilots, D a pilot's rows after settling-in. {weights}"
)
WEIGHED = "Each row's log likelihood counts as often as its scaled matching weight says."
UNWEIGHED = "Matching weights are not used."
DEPARTS = {
    "levels": "u_j ~ Normal(0, σ_u)",
    "pilots": "d_j ~ Normal(0, σ_d)",
    "persistent": "v_j ~ Normal(0, σ_v² R) with R_tt' = ρ^|t − t'|",
    "independent": "v_jt ~ Normal(0, σ_v)",
}
READ_ON = (
    "The whole model in notation, with every symbol's name in the output, stands in"
    " models/README.md of the software."
)


def formula(run: Run) -> tuple[str, ...]:
    """The model of a run in notation, a paragraph each."""
    analysis = run.analysis
    own: tuple[str, ...]
    if isinstance(analysis, OpenAnalysis):
        model = analysis.model
        own = (*OPEN, _departures("random", model.pilot_effects, model.shocks))
    elif isinstance(analysis, HierarchicalAnalysis):
        own = tuple(_of_children(analysis))
    else:
        own = PRINTED
    return (*own, READ_ON)


def _of_children(analysis: HierarchicalAnalysis) -> Iterator[str]:
    model = analysis.model
    varies = model.pilot_effects != "full"
    effect = "(δ + d_j)" if varies else "δ"
    did = analysis.regression.treatment == "did"
    yield CHILDREN.format(
        likelihood=GAUSSIAN if model.likelihood == "gaussian" else LOGIT,
        treatment=f"β P_j + {effect} D_i"
        if did
        else f"the terms of the column “{analysis.column}” with their effects",
        levels="" if model.authorities == "none" else " + u_j",
        shocks="" if model.shocks == "none" else " + v_jt",
        weights=WEIGHED if model.weights == "likelihood" else UNWEIGHED,
    )
    text = _departures(model.authorities, model.pilot_effects, model.shocks)
    if text:
        yield text


def _departures(authorities: str, pilot_effects: str, shocks: str) -> str:
    """Which parameters are drawn together, and how."""
    named = [
        *(["levels"] if authorities == "random" else []),
        *(["pilots"] if pilot_effects == "partial" else []),
        *([shocks] if shocks in DEPARTS else []),
    ]
    return "; ".join(DEPARTS[name] for name in named) + ("." if named else "")
