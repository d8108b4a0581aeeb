"""Cells and an analysis → the design and priors of one fit, in numbers.

Every effect is (prior mean) + (prior sd) × (a standard normal): fixed terms with sds that are
numbers, authorities' intercepts, pilots' deviations and pooled years with sds that are
parameters. One compiled graph serves many fits, as all of it is data: an sd of 0 takes a fixed
term out, a column of zeros a random effect.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.frequentist.term import DID, POST, Term, effect_terms, find_term, years_since
from sofs_bayes.spec import DidAnalysis, HalfNormal, HierarchicalPriors, Normal, OpenPriors

Floats = npt.NDArray[np.float64]
DEPARTURE = "departure from parallel trends"

# The sd of a prior that is as good as flat: far above any coefficient, and small enough for
# cross-products to keep their digits.
FLAT = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What one fit changes about the model of its analysis; by default nothing.

    Attributes
    ----------
    effect_prior
        Of the effect.
    replicating
        Flat priors of all coefficients and no random effects or shocks: the regression itself.
    pilot_effects
        `partial`, `none` or `full` pooling; None for the analysis's own.
    shocks
        Whether authority-by-year shocks are kept.
    departure_sd
        Of the departure from parallel trends after settling-in; 0 for none.
    scales
        Factors on the scales of priors, by name: of sds, or of the sd of `authority_covariate`.
    """

    effect_prior: Normal
    replicating: bool = False
    pilot_effects: Literal["partial", "none", "full"] | None = None
    shocks: bool = True
    departure_sd: float = 0.0
    scales: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """The design and priors of one fit.

    Attributes
    ----------
    terms
        Names of the fixed terms: those of the data, each pilot's own effect (`did: NAME`), and
        the departure from parallel trends.
    design, prior_mean, prior_sd
        Shapes (cells, terms), (terms,), (terms,).
    centres
        What was taken off each term: the mean over cells of authorities' covariates, so that the
        intercept is that of a usual authority; else 0. Shape (terms,).
    effect_terms
        The terms that make up the effect, and for each 1, or -1 where the term is about
        comparators with pilots as the reference.
    authorities, pilots, years_since
        Random effects' designs, shapes (cells, authorities), (cells, pilots), (cells, steps);
        steps are those of pooled years since settling-in.
    steps
        Names of the pooled years' steps.
    shocks
        1 in the column of a cell's authority and year, shape (cells, authorities × years).
    sd_priors
        The scale of each sd's prior, by name.
    child_prior
        Mean and sd of the children's terms' prior in a logistic model.
    """

    terms: tuple[str, ...]
    design: Floats
    prior_mean: Floats
    prior_sd: Floats
    centres: Floats
    effect_terms: dict[str, int]
    authorities: Floats
    pilots: Floats
    years_since: Floats
    steps: tuple[str, ...]
    shocks: Floats
    sd_priors: dict[str, float]
    child_prior: tuple[float, float]

    @property
    def own_effects(self) -> slice:
        """Where among the terms each pilot's own effect is."""
        return slice(-1 - self.pilots.shape[1], -1)


def own_effect(pilot: str) -> str:
    """The name of the term of a pilot's own effect, where pilots are not pooled."""
    return f"{DID}: {pilot}"


def blocks(data: CellData, analysis: DidAnalysis, setting: Setting) -> Blocks:
    """The design and priors of a fit of the analysis to these cells.

    Raises
    ------
    ValueError
        Pilots are to be taken one by one where the effect is not one term.
    """
    own = tuple(map(own_effect, data.pilots))
    treated = data.treated
    fixed, steps, stepped = _pooled_years(data, analysis)
    if setting.replicating:  # each year by itself
        fixed, stepped = data.design, np.zeros_like(stepped)
    design = np.column_stack([fixed, treated, treated.sum(axis=1)])
    terms = (*data.terms, *own, DEPARTURE)
    covariate = [find_term(name).role == "authority_covariate" for name in data.terms]
    centres = design.mean(axis=0) * np.r_[covariate, np.zeros(len(own) + 1)]
    design = design - centres
    mean, sd = _priors(data, analysis, setting) * design.any(axis=0)
    pooling = setting.pilot_effects or analysis.model.pilot_effects
    if pooling == "none" and DID not in data.terms:
        raise ValueError(f"no pooling of pilots: needs the term {DID}")
    random = analysis.model.authorities == "random" and not setting.replicating
    authorities = np.eye(len(data.authorities))[data.authority] * random
    partial = pooling == "partial" and not setting.replicating
    slot = data.authority * len(data.years) + data.year
    shocked = setting.shocks and not setting.replicating and analysis.model.shocks != "none"
    shocks = np.eye(len(data.authorities) * len(data.years))[slot] * shocked
    return Blocks(
        terms=terms,
        design=design,
        prior_mean=mean,
        prior_sd=sd,
        centres=centres,
        effect_terms=_effect_terms(data, design),
        authorities=authorities,
        pilots=treated * partial,
        years_since=stepped,
        steps=steps,
        shocks=shocks,
        sd_priors=_sd_priors(analysis.priors, setting),
        child_prior=_child_prior(analysis.priors, setting),
    )


def _child_prior(priors: HierarchicalPriors | OpenPriors, setting: Setting) -> tuple[float, float]:
    prior = priors.child_covariate
    return (0.0, FLAT) if prior is None or setting.replicating else (prior.mean, prior.sd)


def _effect_terms(data: CellData, design: Floats) -> dict[str, int]:
    asked = {name: find_term(name).sign for name in effect_terms(data.terms)}
    asked |= {own_effect(name): 1 for name in data.pilots}
    terms = (*data.terms, *map(own_effect, data.pilots))
    return {name: sign for name, sign in asked.items() if design[:, terms.index(name)].any()}


def _priors(data: CellData, analysis: DidAnalysis, setting: Setting) -> Floats:
    """Means and sds of the fixed terms' priors, shape (2, terms)."""
    pooling = setting.pilot_effects or analysis.model.pilot_effects
    effect, priors = setting.effect_prior, analysis.priors
    by_comparators = any(find_term(name).sign < 0 for name in data.terms)
    found = []
    for name in data.terms:
        if setting.replicating:
            found.append((0.0, FLAT))
        elif name == DID and pooling == "none":
            found.append((0.0, 0.0))
        elif name == POST and by_comparators:
            # The pilots are the reference: this is their change, with the effect in it.
            year = priors.year
            found.append((year.mean + effect.mean, float(np.hypot(year.sd, effect.sd))))
        else:
            of = find_term(name)
            mean, sd = _prior(of, effect, priors)
            found.append((mean, sd * setting.scales.get(of.role, 1.0)))
    apart = pooling == "none" and not setting.replicating
    found += [(effect.mean, effect.sd) if apart else (0.0, 0.0)] * len(data.pilots)
    return np.array([*found, (0.0, setting.departure_sd)]).T


def _prior(
    of: Term, effect: Normal, priors: HierarchicalPriors | OpenPriors
) -> tuple[float, float]:
    if of.role == "effect":
        return (0.0 if of.is_lead else of.sign * effect.mean), effect.sd
    if of.role == "authority":  # fixed effects are not pooled
        return 0.0, FLAT
    given = getattr(priors, of.role)  # without it the analysis would not have loaded
    return of.sign * given.mean, given.sd


def _pooled_years(data: CellData, analysis: DidAnalysis) -> tuple[Floats, tuple[str, ...], Floats]:
    """The fixed terms' design, and the steps of pooled years since settling-in.

    Pooled, all lags have one mean: the column of the first lag becomes the sum of the lags, and
    those of the others and of the leads are taken out. Exchangeable years are steps of their
    own. A random walk steps from the reference year, where the effect is 0, back through the
    leads, and from the first lag on through the others.
    """
    since = years_since(data.terms)
    if analysis.model.years_since == "separate":
        return data.design, (), np.zeros((len(data.design), 0))
    column = {name: data.design[:, data.terms.index(name)] for name in since}
    lags = [name for name, years in since.items() if years >= 0]
    leads = [name for name, years in since.items() if years < 0]
    design = data.design.copy()
    for name in since:
        design[:, data.terms.index(name)] = 0.0
    design[:, data.terms.index(lags[0])] = np.sum([column[name] for name in lags], axis=0)
    if analysis.model.years_since == "exchangeable":
        steps = [*leads, *lags]
        stepped = [column[name] for name in steps]
    else:
        steps = [*leads, *lags[1:]]
        stepped = [
            np.sum([column[other] for other in leads[: i + 1]], axis=0) for i in range(len(leads))
        ]
        stepped += [
            np.sum([column[other] for other in lags[i:]], axis=0) for i in range(1, len(lags))
        ]
    return design, tuple(steps), np.column_stack(stepped)


def _sd_priors(priors: HierarchicalPriors | OpenPriors, setting: Setting) -> dict[str, float]:
    """The scale (half-normal) or mean (exponential) of each sd's prior."""
    given = {
        "authority_sd": priors.authority_sd,
        "pilot_effect_sd": priors.pilot_effect_sd,
        "shock_sd": priors.shock_sd,
        "year_effect_sd": priors.year_effect_sd,
        "residual_sd": priors.residual_sd,
    }
    found = {}
    for name, prior in given.items():
        if prior is not None:
            size = prior.scale if isinstance(prior, HalfNormal) else prior.mean
            found[name] = size * setting.scales.get(name, 1.0)
    return found
