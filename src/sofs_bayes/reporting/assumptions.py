"""What an analysis assumes, as tables: its priors with their reasons, its pilots' windows."""

from dataclasses import fields
from typing import Literal

from sofs_bayes.reporting.run_folder import Run
from sofs_bayes.reporting.tables import Column, Table
from sofs_bayes.spec import (
    Beta,
    Departure,
    Exponential,
    FittedAnalysis,
    HalfNormal,
    HierarchicalAnalysis,
    Normal,
    OpenAnalysis,
    PrintedAnalysis,
)


def priors_table(run: Run) -> Table:
    """Every prior of an analysis in words, with its why: the effect's first, then the others'."""
    analysis = run.analysis
    rows = [
        (f"effect, {name}", distribution(prior), prior.why)
        for name, prior in analysis.effect_priors.items()
    ]
    for field in fields(analysis.priors):
        prior = getattr(analysis.priors, field.name)
        if prior is None:  # the model has no such parameter
            continue
        rows.append((field.name.replace("_", " "), distribution(prior), prior.why))
    unit = "0.01 = one percentage point" if model_scale(analysis) == "risk" else "log-odds"
    return Table(
        name="priors",
        title=f"{analysis.title}: priors",
        columns=(
            Column(key="parameter", heading="Prior of"),
            Column(key="prior", heading="Distribution"),
            Column(key="why", heading="Why"),
        ),
        rows=tuple(rows),
        evidence=run.evidence,
        notes=(f"Scale: {unit}; correlations lie between 0 and 1. Chosen, not estimated.",),
    )


def model_scale(analysis: FittedAnalysis) -> Literal["risk", "log-odds"]:
    """The scale that an analysis's priors are on."""
    if isinstance(analysis, PrintedAnalysis):
        return analysis.design.scale
    linear = isinstance(analysis, HierarchicalAnalysis) and analysis.model.likelihood == "gaussian"
    return "risk" if linear else "log-odds"


def distribution(prior: Normal | HalfNormal | Exponential | Beta | Departure) -> str:
    """A prior in the usual notation, normals with their standard deviation."""
    if isinstance(prior, Normal):
        return f"Normal({prior.mean:g}, sd {prior.sd:g})"
    if isinstance(prior, HalfNormal):
        return f"HalfNormal({prior.scale:g})"
    if isinstance(prior, Exponential):
        return f"Exponential(mean {prior.mean:g})"
    if isinstance(prior, Departure):
        return f"Normal(0, sd {prior.multiple:g} × root mean square of the leads)"
    return f"Beta({prior.a:g}, {prior.b:g})"


def windows_table(run: Run) -> Table:
    """Each pilot's settling-in years, and what the design treats specially and why."""
    assert isinstance(run.analysis, OpenAnalysis)
    design = run.analysis.design
    breaks = {entry.authority: entry for entry in design.recording_breaks}
    left = "put in" if design.breaks_in_headline else "left out of the headline"
    rows = []
    for pilot in design.pilots:
        first, last = (f"{year}/{(year + 1) % 100:02d}" for year in pilot.settling_in)
        own = breaks.get(pilot.authority)
        note = f"recording break in {own.year}, {left}: {own.why}" if own else ""
        rows.append((pilot.authority, f"wave {pilot.wave}", f"{first} to {last}", note))
    rows += [(note.authority, "no comparator", "", note.why) for note in design.comparators.exclude]
    return Table(
        name="windows",
        title=f"{run.analysis.title}: pilots and their settling-in years",
        columns=(
            Column(key="authority", heading="Authority"),
            Column(key="role", heading="Role"),
            Column(key="settling_in", heading="Settling-in (left out)"),
            Column(key="note", heading="Note"),
        ),
        rows=tuple(rows),
        evidence=run.evidence,
    )
