"""What an analysis assumes, as tables: its priors, its pilots' windows."""

from dataclasses import fields
from typing import Literal

from sofs_bayes.runs.run_folder import Run
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
from sofs_bayes.spec.study import printed_in, words_of
from sofs_bayes.spec.terms import told_in
from sofs_bayes.spec.years import years_of
from sofs_bayes.tables.formats import Column, Table

Prior = Normal | HalfNormal | Exponential | Beta | Departure


def declared_priors(analysis: FittedAnalysis) -> list[tuple[str, Prior]]:
    """The keys and priors of the parameters that a model has, but for the effect's."""
    found = (
        (field.name, getattr(analysis.priors, field.name)) for field in fields(analysis.priors)
    )
    return [(name, prior) for name, prior in found if prior is not None]


def prior_note(analysis: FittedAnalysis) -> str:
    """The scale of an analysis's priors, and what they are not."""
    scale = model_scale(analysis)
    unit = "0.01 = one percentage point" if scale == "risk" else in_units(analysis, scale)
    return (
        f"Priors are on the scale of the model ({unit}); correlations lie between 0 and 1. They"
        " are chosen, not estimated: an effect that depends on them is not known from data."
    )


def model_scale(analysis: FittedAnalysis) -> Literal["risk", "log-odds", "units"]:
    """The scale that an analysis's priors are on."""
    if isinstance(analysis, PrintedAnalysis):
        return analysis.design.scale
    linear = isinstance(analysis, HierarchicalAnalysis) and analysis.model.likelihood == "gaussian"
    return "risk" if linear else "log-odds"


def in_units(analysis: FittedAnalysis, scale: str) -> str:
    """A scale in words, with what the analysis counts; the unit of an outcome that is no risk."""
    if scale == "units" and isinstance(analysis, PrintedAnalysis):
        return analysis.design.unit or scale
    return "percentage points" if scale == "risk" else told_in(scale, words_of(analysis).whom)


def distribution(prior: Prior) -> str:
    """A prior in the usual notation, normals with their standard deviation."""
    if isinstance(prior, Normal):
        return f"Normal({prior.mean:g}, sd {prior.sd:g})"
    if isinstance(prior, HalfNormal):
        return f"HalfNormal({prior.scale:g})"
    if isinstance(prior, Exponential):
        return f"Exponential(mean {prior.mean:g})"
    if isinstance(prior, Departure):
        return f"Normal(0, sd {prior.multiple:g} × root mean square of the leads, less their noise)"
    return f"Beta({prior.a:g}, {prior.b:g})"


def windows_table(run: Run) -> Table:
    """Each pilot's settling-in years, and what the design treats specially and why."""
    assert isinstance(run.analysis, OpenAnalysis)
    design = run.analysis.design
    breaks = {entry.authority: entry for entry in design.recording_breaks}
    left = "put in" if design.breaks_in_headline else "left out of the headline"
    rows = []
    for pilot in design.pilots:
        left_out = " to ".join(dict.fromkeys(map(years_of(run.analysis).name, pilot.settling_in)))
        own = breaks.get(pilot.authority)
        note = f"recording break in {own.year}, {left}: {own.why}" if own else ""
        rows.append((pilot.authority, f"wave {pilot.wave}", left_out, note))
    rows += [(note.authority, "no comparator", "", note.why) for note in design.comparators.exclude]
    return Table(
        name="windows",
        title=f"{run.analysis.called}: pilots and their settling-in years",
        columns=(
            Column(key="authority", heading="Authority"),
            Column(key="role", heading="Role"),
            Column(key="settling_in", heading="Settling-in (left out)"),
            Column(key="note", heading="Note"),
        ),
        rows=tuple(rows),
        evidence=run.evidence,
        study=printed_in(run.analysis),
    )
