"""A printed analysis → a Run."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sofs_bayes.estimands import DensityRow, EffectRow, ProbabilityRow
from sofs_bayes.estimands.rows import ThresholdRow, fit_of
from sofs_bayes.pipeline.watching import Progress, silent, timed
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import PrintedAnalysis

if TYPE_CHECKING:
    from sofs_bayes.bayes.from_published import PrintedPosterior

NOT = "not converged"


def posteriors(
    analysis: PrintedAnalysis, priors: Sequence[str] | None = None
) -> "Iterator[PrintedPosterior]":
    """The posterior under each reading and each effect prior (or those named).

    Raises
    ------
    BadInput
        A prior the analysis does not have, or a printed cell that is a gap.
    """
    from sofs_bayes.bayes.from_published import choose_prior, posterior

    names = list(analysis.effect_priors) if priors is None else priors
    for name in names:
        choose_prior(analysis, name)
    for reading in analysis.readings:
        for name in names:
            yield posterior(analysis, prior=name, reading=reading)


def sensitivity_rows(
    analysis: PrintedAnalysis, priors: Sequence[str] | None = None
) -> Iterator[EffectRow]:
    """The effect on the design's scale while one assumption at a time takes another value."""
    from sofs_bayes.bayes.printed_summaries import alternatives
    from sofs_bayes.checks.quadrature import quadrature_verdict
    from sofs_bayes.estimands.printed import effect_rows, label_of

    for kind, value, changed in alternatives(analysis):
        for fit in posteriors(changed, priors):
            status = quadrature_verdict(fit).status
            label = label_of(fit, status=status, kind=kind, subject=value)
            yield effect_rows(fit, label, on=[analysis.design.scale])[0]


def fit_printed(analysis: PrintedAnalysis, *, progress: Progress = silent) -> Run:
    """The posterior from print under every effect prior and every reading.

    Returns
    -------
    Run
        Evidence `published-inferred`. `sensitivity` holds the effect while one assumption at
        a time takes another value. The posterior holds independent draws of s, c, β and δ
        under the first prior and the first reading, dims (chain, draw).
    """
    from sofs_bayes.checks.quadrature import quadrature_verdict
    from sofs_bayes.estimands import printed
    from sofs_bayes.estimands.thresholds import exact_threshold_rows

    seconds: dict[str, float] = {}
    effects: list[EffectRow] = []
    probabilities: list[ProbabilityRow] = []
    densities: list[DensityRow] = []
    verdicts: dict[str, Any] = {}
    with timed(seconds, "posterior"):
        fits = list(posteriors(analysis))
    for fit in fits:
        verdict = quadrature_verdict(fit)
        label = printed.label_of(fit, status=verdict.status)
        effects += printed.effect_rows(fit, label)
        probabilities += printed.probability_rows(fit, label)
        densities += printed.density_rows(fit, label)
        verdicts[f"{label.variant} / {fit.prior}"] = fit_of(label) | asdict(verdict)
    statuses = [verdict["status"] for verdict in verdicts.values()]
    thresholds = exact_threshold_rows(list(zip(fits, statuses, strict=True)))
    progress(f"{analysis.name}: sensitivity")
    with timed(seconds, "sensitivity"):
        sensitivity = list(sensitivity_rows(analysis))
    status = "converged" if all(v["status"] == "converged" for v in verdicts.values()) else NOT
    return Run(
        analysis=analysis,
        evidence="published-inferred",
        status=status,
        effects=tuple(effects),
        probabilities=tuple(probabilities),
        sensitivity=tuple(sensitivity),
        beside={DensityRow: tuple(densities), ThresholdRow: tuple(thresholds)},
        diagnostics={"method": "quadrature", "status": status, "fits": verdicts},
        posterior=printed.draws_tree(fits[0], chains=4),
        inputs={},
        seconds=seconds,
        options={},
    )
