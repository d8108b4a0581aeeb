"""Posteriors from print as tables, without what a run folder needs: quick, and no PyMC."""

from collections.abc import Sequence
from dataclasses import asdict

from sofs_bayes.bayes.from_published import PrintedPosterior
from sofs_bayes.checks.quadrature import quadrature_verdict
from sofs_bayes.estimands import EffectRow, printed
from sofs_bayes.estimands.rows import fit_of
from sofs_bayes.pipeline.print_fits import posteriors, sensitivity_rows
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import PrintedAnalysis
from sofs_bayes.tables import contents
from sofs_bayes.tables.formats import Table


def effects_of_print(
    analysis: PrintedAnalysis, *, priors: Sequence[str] | None = None
) -> tuple[Table, ...]:
    """The effect under each prior (or those named) and reading: a table per scale of statements."""
    run = _light_run(analysis, list(posteriors(analysis, priors)))
    return tuple(contents.effects_table(run, scale=scale) for scale in contents.effect_scales(run))


def sensitivity_of_print(
    analysis: PrintedAnalysis, *, priors: Sequence[str] | None = None
) -> tuple[Table, ...]:
    """The effect while one assumption at a time takes another value, under each reading."""
    fits = list(posteriors(analysis, [priors[0] if priors else analysis.headline_prior]))
    run = _light_run(analysis, fits, sensitivity=tuple(sensitivity_rows(analysis, priors)))
    return (contents.sensitivity_table(run, scale=analysis.design.scale),)


def _light_run(
    analysis: PrintedAnalysis,
    fits: Sequence[PrintedPosterior],
    *,
    sensitivity: Sequence[EffectRow] = (),
) -> Run:
    verdicts = [quadrature_verdict(fit) for fit in fits]
    statuses = [verdict.status for verdict in verdicts] + [r.status for r in sensitivity]
    status = "converged" if set(statuses) <= {"converged"} else "not converged"
    labelled = [(fit, printed.label_of(fit, status=status)) for fit in fits]
    return Run(
        analysis=analysis,
        evidence="published-inferred",
        status=status,
        effects=tuple(row for each in labelled for row in printed.effect_rows(*each)),
        probabilities=tuple(row for each in labelled for row in printed.probability_rows(*each)),
        sensitivity=tuple(sensitivity),
        diagnostics={
            "method": "quadrature",
            "status": status,
            "fits": {
                f"{label.variant} / {label.prior}": fit_of(label) | asdict(verdict)
                for (_, label), verdict in zip(labelled, verdicts, strict=True)
            },
        },
        posterior=None,
        inputs={},
        seconds={},
        options={},
    )
