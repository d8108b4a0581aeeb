"""Posteriors from print as tables, without what a run folder needs: quick, and no PyMC."""

from collections.abc import Iterable, Sequence

from sofs_bayes.bayes.from_published import PrintedPosterior, choose_prior, posterior
from sofs_bayes.bayes.printed_summaries import alternatives
from sofs_bayes.checks.quadrature import quadrature_verdict
from sofs_bayes.estimands import EffectRow, printed
from sofs_bayes.reporting import contents
from sofs_bayes.reporting.run_folder import Run
from sofs_bayes.reporting.tables import Table
from sofs_bayes.spec import PrintedAnalysis


def effects_of_print(
    analysis: PrintedAnalysis, *, priors: Sequence[str] | None = None
) -> tuple[Table, ...]:
    """The effect under each prior (or those named) and reading: a table per scale of statements.

    Raises
    ------
    BadInput
        A prior the analysis does not have, or a printed cell that is a gap.
    """
    fits = list(_fits(analysis, priors))
    run = _light_run(analysis, fits)
    return tuple(contents.effects_table(run, scale=scale) for scale in contents.effect_scales(run))


def sensitivity_of_print(
    analysis: PrintedAnalysis, *, priors: Sequence[str] | None = None
) -> tuple[Table, ...]:
    """The effect while one assumption at a time takes another value, under each reading."""
    rows = []
    for change, value, changed in alternatives(analysis):
        for fit in _fits(changed, priors):
            status = quadrature_verdict(fit).status
            rows.append(printed.sensitivity_row(fit, f"{change} {value}".strip(), status=status))
    run = _light_run(analysis, (), sensitivity=rows)
    return (contents.sensitivity_table(run, scale=analysis.design.scale),)


def _fits(analysis: PrintedAnalysis, priors: Sequence[str] | None) -> Iterable[PrintedPosterior]:
    names = list(analysis.effect_priors) if priors is None else priors
    for name in names:
        choose_prior(analysis, name)
    for reading in analysis.readings:
        for name in names:
            yield posterior(analysis, prior=name, reading=reading)


def _light_run(
    analysis: PrintedAnalysis,
    fits: Sequence[PrintedPosterior],
    *,
    sensitivity: Sequence[EffectRow] = (),
) -> Run:
    statuses = [quadrature_verdict(fit).status for fit in fits] + [r.status for r in sensitivity]
    status = "converged" if set(statuses) <= {"converged"} else "not converged"
    return Run(
        analysis=analysis,
        evidence="published-inferred",
        status=status,
        effects=tuple(r for f in fits for r in printed.effect_rows(f, status=status)),
        probabilities=tuple(r for f in fits for r in printed.probability_rows(f, status=status)),
        extra={"sensitivity": (EffectRow, tuple(sensitivity))},
        diagnostics={},
        posterior=None,
        inputs={},
        seconds={},
        options={},
    )
