"""A printed analysis → a Run."""

from dataclasses import asdict
from typing import Any

from sofs_bayes.estimands import DensityRow, EffectRow, ProbabilityRow
from sofs_bayes.estimands.rows import ThresholdRow
from sofs_bayes.pipeline.watching import Progress, silent, timed
from sofs_bayes.reporting.run_folder import Run
from sofs_bayes.spec import PrintedAnalysis

NOT = "not converged"


def fit_printed(analysis: PrintedAnalysis, *, progress: Progress = silent) -> Run:
    """The posterior from print under every effect prior and every reading.

    Returns
    -------
    Run
        Evidence `published-inferred`. `sensitivity` holds the effect while one assumption at
        a time takes another value. The posterior holds independent draws of s, c, β and δ
        under the first prior and the first reading, dims (chain, draw).
    """
    from sofs_bayes.bayes.from_published import posterior
    from sofs_bayes.bayes.printed_summaries import alternatives
    from sofs_bayes.checks.quadrature import quadrature_verdict
    from sofs_bayes.estimands import printed
    from sofs_bayes.estimands.thresholds import exact_threshold_rows

    seconds: dict[str, float] = {}
    effects: list[EffectRow] = []
    probabilities: list[ProbabilityRow] = []
    densities: list[DensityRow] = []
    sensitivity: list[EffectRow] = []
    verdicts: dict[str, Any] = {}
    with timed(seconds, "posterior"):
        fits = [
            posterior(analysis, prior=prior, reading=reading)
            for reading in analysis.readings
            for prior in analysis.effect_priors
        ]
    for fit in fits:
        verdict = quadrature_verdict(fit)
        effects += printed.effect_rows(fit, status=verdict.status)
        probabilities += printed.probability_rows(fit, status=verdict.status)
        densities += printed.density_rows(fit)
        verdicts[f"{fit.reading.name} / {fit.prior}"] = asdict(verdict)
    statuses = [verdict["status"] for verdict in verdicts.values()]
    thresholds = exact_threshold_rows(list(zip(fits, statuses, strict=True)))
    with timed(seconds, "sensitivity"):
        for reading in analysis.readings:
            progress(f"{analysis.name}: sensitivity, {reading.name}")
            for assumption, value, changed in alternatives(analysis):
                for prior in analysis.effect_priors:
                    fit = posterior(changed, prior=prior, reading=reading)
                    status = quadrature_verdict(fit).status
                    change = f"{assumption} {value}".strip()
                    sensitivity.append(printed.sensitivity_row(fit, change, status=status))
    status = "converged" if all(v["status"] == "converged" for v in verdicts.values()) else NOT
    return Run(
        analysis=analysis,
        evidence="published-inferred",
        status=status,
        effects=tuple(effects),
        probabilities=tuple(probabilities),
        extra={
            "densities": (DensityRow, tuple(densities)),
            "sensitivity": (EffectRow, tuple(sensitivity)),
            "thresholds": (ThresholdRow, tuple(thresholds)),
        },
        diagnostics={"method": "quadrature", "status": status, "fits": verdicts},
        posterior=printed.draws_tree(fits[0], chains=4),
        inputs={},
        seconds=seconds,
        options={},
    )
