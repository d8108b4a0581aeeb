"""A share of outcomes → drafts of hierarchical analyses, with priors in proportion to it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sofs_bayes.pipeline.draft import decide, toml_text

SEED, DRAWS = 20220701, 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Scales:
    """Priors' standard deviations, on a model's scale, from a share of outcomes."""

    intercept: tuple[float, float]
    year: float
    pilot_difference: float
    authority_covariate: float
    authority_sd: float
    pilot_effect_sd: float
    shock_sd: float
    reference: float
    sceptical: float


def scales_of(share: float, *, linear: bool) -> Scales:
    """Scales in proportion to the share on risks; those usual on log-odds, whatever it is."""
    unit = share if linear else 1.0
    middle = share if linear else math.log(share / (1 - share))
    return Scales(
        intercept=(_round(middle), _round(unit / 2)),
        year=_round(unit / 2),
        pilot_difference=_round(unit / (1 if linear else 2)),
        authority_covariate=_round(unit / 4),
        authority_sd=_round(unit / 2),
        pilot_effect_sd=_round(unit / 4),
        shock_sd=_round(unit / 4),
        reference=_round(unit),
        sceptical=_round(unit / 5),
    )


def _round(value: float) -> float:
    return float(f"{value:.2g}")


def predictive(scales: Scales, *, linear: bool) -> Mapping[str, tuple[float, float]]:
    """The 90% ranges that priors allow: of an authority-year's rate, of the change in it.

    Under the reference prior; of linear models as they are, whether or not a rate can be so.
    """
    rng = np.random.default_rng(SEED)

    def half(scale: float) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        return np.abs(rng.normal(0, scale, DRAWS)) * rng.standard_normal(DRAWS)

    level = rng.normal(*scales.intercept, DRAWS) + rng.normal(0, scales.year, DRAWS)
    level = level + half(scales.authority_sd) + half(scales.shock_sd)
    after = level + rng.normal(0, scales.reference, DRAWS)
    if not linear:
        level, after = (1 / (1 + np.exp(-each)) for each in (level, after))
    found = {}
    for name, values in (("rate", level), ("change", after - level)):
        low, high = np.quantile(values, (0.05, 0.95))
        found[name] = (float(low), float(high))
    return found


def model_text(share: float, *, name: str, children: str, linear: bool) -> str:
    """The draft of a hierarchical analysis: priors from the share of outcomes, with their range."""
    scales = scales_of(share, linear=linear)
    ranges = predictive(scales, linear=linear)
    rate, change = ranges["rate"], ranges["change"]
    said = f"Proposed from {100 * share:.1f} outcomes in 100 referrals; say what you know instead."
    why = f"why = {toml_text(said)}"

    def normal(key: str, mean: float, sd: float) -> str:
        return f"{key} = {{ mean = {mean}, sd = {sd}, {why} }}"

    def half(key: str, scale: float) -> str:
        return f"{key} = {{ scale = {scale}, {why} }}"

    own = half("residual_sd", 0.5) if linear else normal("child_covariate", 0.0, 1.0)
    lines = [
        "# Drafted by `sofs-bayes init`. Priors are proposed from"
        f" {100 * share:.1f} outcomes in 100 referrals, whenever these came.",
        f"# They allow (90%) an authority's yearly rate from {100 * rate[0]:.1f} to"
        f" {100 * rate[1]:.1f} in 100, and under the reference prior a change",
        f"# of {100 * change[0]:+.1f} to {100 * change[1]:+.1f} percentage points. Is that what you"
        " hold possible, no less and no more?",
        "",
        'kind = "hierarchical"',
        f"name = {toml_text(name)}",
        f"title = {decide('how results are labelled')}",
        f"why = {decide('which question this model answers, in a sentence')}",
        f"children = {toml_text(children)}",
        f"column = {toml_text('Linear' if linear else 'Logistic')}",
        "",
        "[model]",
        f"likelihood = {toml_text('gaussian' if linear else 'binomial logit')}",
        "",
        "[priors]",
        normal("intercept", *scales.intercept),
        normal("year", 0.0, scales.year),
        normal("pilot_difference", 0.0, scales.pilot_difference),
        normal("authority_covariate", 0.0, scales.authority_covariate),
        own,
        half("authority_sd", scales.authority_sd),
        half("pilot_effect_sd", scales.pilot_effect_sd),
        half("shock_sd", scales.shock_sd),
        f"shock_correlation = {{ a = 2.0, b = 2.0, {why} }}",
        f"departure = {{ multiple = 1.0, {why} }}",
        "",
        "[effect_priors]",
        normal("reference", 0.0, scales.reference),
        normal("sceptical", 0.0, scales.sceptical),
        "",
        "[sampler]",
        'name = "nutpie"',
        "chains = 4",
        "tune = 1000",
        "draws = 1000",
        "target_accept = 0.95",
        "",
        "[estimands]",
        "statements = [",
        '  { scale = "risk", above = 0.0 },',
        '  { scale = "risk", below = 0.0 },',
        "]",
        '# A change that is too small to matter: { scale = "risk", within = [-0.01, 0.01] }',
    ]
    return "\n".join(lines) + "\n"
