"""What may be true of a design: scenarios, and truths drawn so on the levels of its own data."""

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from sofs_bayes.bayes.blocks import FLAT, Blocks, blocks, own_effect
from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.bayes.model_arrays import residual_start
from sofs_bayes.frequentist.term import DID
from sofs_bayes.spec import HalfNormal, HierarchicalAnalysis
from sofs_bayes.spec.terms import PriorOfSd
from sofs_bayes.synthetic.persistence import persistent

if TYPE_CHECKING:
    from sofs_bayes.checks.did_calibration import Design

Process = Literal["prior", "model", "strong", "heavy", "broken"]

PROCESSES: tuple[Process, ...] = ("model", "strong", "heavy", "broken")
STRONG = 0.9  # correlation from year to year


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is true in a scenario, on the model's scale (risk, or log-odds).

    Attributes
    ----------
    process
        `prior`: everything is drawn from the priors, under the model's own shocks. Else what
        moves authorities from year to year: as the `model` has it; `strong`: AR(1) with
        correlation .9; `heavy`: AR(1) with innovations of Student's t with 3 degrees of freedom
        and the same sd; `broken`: as `model`, and pilots drift away after settling-in.
    effect, heterogeneity
        The mean effect and the sd of pilots' own deviations; None in `prior`.
    authorities
        How many times the design's.
    authority_sd, shock_sd, correlation, drift
        Sds of authorities and their years, the shocks' correlation from one year to the next,
        and how much pilots rise more than comparators with each year after settling-in.
    degrees_of_freedom
        Of the Student's t that authorities and pilots' deviations are drawn from in a model that
        has them so; their sds are then its scale. None where they are normal.
    """

    process: Process
    effect: float | None = None
    heterogeneity: float | None = None
    authorities: int = 1
    authority_sd: float = 0.0
    shock_sd: float = 0.0
    correlation: float = 0.0
    drift: float = 0.0
    degrees_of_freedom: float | None = None

    @property
    def name(self) -> str:
        """In words, without the sds, which are the same in all scenarios of one recovery."""
        if self.process == "prior":
            return "prior"
        return (
            f"effect {self.effect:g}, pilots {self.heterogeneity:g},"
            f" authorities x{self.authorities}, {self.process}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The values that are combined to scenarios; the first of each list is the base.

    Attributes
    ----------
    effect, heterogeneity, authorities, process
        As `Scenario` has them.
    authority_sd, shock_sd, drift
        As `Scenario` has them, in all.
    everything
        Whether all are combined, or (with every effect) one thing at a time differs from the
        base.
    """

    effect: tuple[float, ...]
    heterogeneity: tuple[float, ...]
    authorities: tuple[int, ...]
    process: tuple[Process, ...]
    authority_sd: float
    shock_sd: float
    drift: float
    everything: bool = False


def usual_grid(analysis: HierarchicalAnalysis) -> Grid:
    """What is varied if nothing else is asked for: effects up to one that nobody would miss.

    The base is the model's own: pilots differ unless it has one effect for all of them.
    """
    linear, priors = analysis.model.likelihood == "gaussian", analysis.priors
    spread = (0.02, 0.0) if linear else (0.2, 0.0)
    return Grid(
        effect=(0.0, 0.02, 0.05, 0.1, 0.2) if linear else (0.0, 0.2, 0.5, 1.0),
        heterogeneity=spread[::-1] if analysis.model.pilot_effects == "full" else spread,
        authorities=(1, 2, 4),
        process=PROCESSES,
        authority_sd=median(priors.authority_sd),
        shock_sd=median(priors.shock_sd),
        drift=0.01 if linear else 0.1,
    )


def median(prior: PriorOfSd) -> float:
    """Of a standard deviation's prior: half-normal or exponential."""
    return 0.6744897501960817 * prior.scale if isinstance(prior, HalfNormal) else (
        float(np.log(2.0)) * prior.mean
    )  # fmt: skip


def scenarios(grid: Grid, analysis: HierarchicalAnalysis) -> tuple[Scenario, ...]:
    """`prior`, then the grid's: effects fastest."""
    lists = (grid.heterogeneity, grid.authorities, grid.process)
    base = tuple(values[0] for values in lists)
    chosen = [
        found
        for found in product(*lists)
        if grid.everything or sum(a != b for a, b in zip(found, base, strict=True)) <= 1
    ]
    prior, shocks = analysis.priors.shock_correlation, analysis.model.shocks
    tails = analysis.model.degrees_of_freedom if analysis.model.tails == "student t" else None
    usual = prior.a / (prior.a + prior.b) if shocks == "persistent" else 0.0
    found = [Scenario(process="prior")]
    for heterogeneity, authorities, process in chosen:
        without = shocks == "none" and process in ("model", "broken")
        one = Scenario(
            process=process,
            heterogeneity=heterogeneity,
            authorities=authorities,
            authority_sd=grid.authority_sd,
            shock_sd=0.0 if without else grid.shock_sd,
            correlation=STRONG if process == "strong" else usual,
            drift=grid.drift if process == "broken" else 0.0,
            degrees_of_freedom=tails,
        )
        found += [replace(one, effect=effect) for effect in grid.effect]
    return tuple(found)


def enlarged(data: CellData, times: int) -> CellData:
    """A design of so many times the authorities: copies that are authorities of their own."""
    if times == 1:
        return data
    frames, names, pilots = [], [], []
    for copy in range(times):

        def renamed(name: str, copy: int = copy) -> str:
            return name if copy == 0 else f"{name} ({copy + 1})"

        frames.append(data.cells.assign(authority=data.cells["authority"].map(renamed)))
        names += [renamed(name) for name in data.authorities]
        pilots += [renamed(name) for name in data.pilots]
    counts, cells = data.patterns, len(data.cells)
    if counts is not None:
        cell = np.concatenate([counts.cell + copy * cells for copy in range(times)])
        counts = replace(
            counts,
            cell=cell,
            pattern=np.tile(counts.pattern, times),
            n=np.tile(counts.n, times),
            events=np.tile(counts.events, times),
            children=np.tile(counts.children, times),
        )
    import pandas as pd

    return replace(
        data,
        authorities=tuple(names),
        pilots=tuple(pilots),
        cells=pd.concat(frames, ignore_index=True),
        design=np.tile(data.design, (times, 1)),
        curvature=np.tile(data.curvature, times),
        centre=np.tile(data.centre, times),
        child_means=np.tile(data.child_means, (times, 1)),
        within_xx=np.tile(data.within_xx, (times, 1, 1)),
        within_xy=np.tile(data.within_xy, (times, 1)),
        within_yy=np.tile(data.within_yy, times),
        patterns=counts,
    )


Floats = npt.NDArray[np.float64]

TAILS = 3.0  # degrees of freedom of heavy-tailed shocks


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """What is the same in all truths of a grid: the design's own levels, roughly estimated.

    Attributes
    ----------
    coefficient, child_effect
        Shapes (terms,), (child terms,); no effect.
    residual_sd
        Of children, in a linear model.
    """

    coefficient: Floats
    child_effect: Floats
    residual_sd: float


def levels(data: CellData, blocks: Blocks, scenario: Scenario) -> Levels:
    """Least squares of the design's cells on the model's scale, drawn towards the priors.

    Cells differ by chance and by the scenario's sds; the effect is taken out. Intercept, years
    and covariates of the truths are thus those of the data the design comes from.
    """
    mean, sd = blocks.child_prior
    noise = 1.0
    if data.patterns is None:
        noise = residual_start(data)[0]
        ridge = np.zeros(len(data.child_terms))
    else:
        ridge = np.full(len(data.child_terms), 1.0 / sd**2)
    xx = data.within_xx.sum(0) + np.diag(ridge)
    child = np.linalg.lstsq(xx, data.within_xy.sum(0) + ridge * mean)[0]
    variance = noise**2 / data.curvature + scenario.authority_sd**2 + scenario.shock_sd**2
    scaled = blocks.design * blocks.prior_sd
    left = data.centre - data.child_means @ child - blocks.design @ blocks.prior_mean
    known = scaled.T / variance
    unit = np.linalg.solve(known @ scaled + np.eye(scaled.shape[1]), known @ left)
    coefficient = blocks.prior_mean + blocks.prior_sd * unit
    coefficient[[blocks.terms.index(term) for term in blocks.effect_terms]] = 0.0
    return Levels(coefficient=coefficient, child_effect=child, residual_sd=noise)


def truth_of(
    scenario: Scenario, fixed: Levels, data: CellData, blocks: Blocks, rng: np.random.Generator
) -> xr.Dataset:
    """One named draw of everything in a scenario of a grid, dims (chain, draw).

    Scenarios of one size use the same random numbers, so that they differ by what they assume.
    """
    assert scenario.effect is not None
    assert scenario.heterogeneity is not None
    tails = scenario.degrees_of_freedom
    authority = random_effects(scenario.authority_sd, blocks.authorities, tails, rng)
    own = random_effects(scenario.heterogeneity, blocks.pilots, tails, rng)
    shock = shocks(scenario, data, rng)
    coefficient = fixed.coefficient.copy()
    coefficient[blocks.terms.index(DID)] = scenario.effect
    for name, deviation in zip(data.pilots, own, strict=True):
        coefficient[blocks.terms.index(own_effect(name))] = deviation
    predictor = blocks.design @ coefficient + authority[data.authority]
    predictor += shock[data.authority, data.year] + scenario.drift * years_after(data)
    values = {
        "coefficient": (("term",), coefficient),
        "pilot_deviation": (("pilot",), np.zeros(len(data.pilots))),
        "child_effect": (("child_term",), fixed.child_effect),
        "cell_predictor": (("cell",), predictor),
        "residual_sd": ((), np.array(fixed.residual_sd)),
        "pilot_effect_sd": ((), np.array(scenario.heterogeneity)),
    }
    variables = {
        name: (("chain", "draw", *dims), np.asarray(each)[None, None])
        for name, (dims, each) in values.items()
    }
    return xr.Dataset(variables, coords={"term": list(blocks.terms), "pilot": list(data.pilots)})


def random_effects(
    sd: float, design: Floats, degrees_of_freedom: float | None, rng: np.random.Generator
) -> Floats:
    """One for each column of a design: normal, or Student's t as `did_model` has it.

    The latter is a normal whose variance is itself drawn, so that `sd` is its scale. An effect
    that the model does not have (a design of zeros) stays normal.
    """
    found: Floats = sd * rng.standard_normal(design.shape[1:])
    if degrees_of_freedom is None or not design.any():
        return found
    half = degrees_of_freedom / 2
    found /= np.sqrt(rng.gamma(half, 1.0 / half, len(found)))
    return found


def years_after(data: CellData) -> Floats:
    """A pilot's years since the last one before it was treated, 0 elsewhere, shape (cells,)."""
    years = data.cells["year"].to_numpy(np.float64)[:, None] * np.ones(len(data.pilots))
    first = np.where(data.treated > 0, years, np.inf).min(axis=0)
    after: Floats = (data.treated * (years - first + 1.0)).sum(axis=1)
    return after


def shocks(scenario: Scenario, data: CellData, rng: np.random.Generator) -> Floats:
    """A path for every authority, shape (authorities, years): stationary, with the stated sd."""
    shape = (len(data.authorities), len(data.years))
    noise = rng.standard_normal(shape)
    if scenario.process == "heavy":
        mixed = rng.chisquare(TAILS, shape) / TAILS
        noise = noise / np.sqrt(mixed) / np.sqrt(TAILS / (TAILS - 2))
    return scenario.shock_sd * persistent(noise, scenario.correlation, data.years)


def notes_of(design: "Design") -> tuple[str, ...]:
    """What truths and fits have differently from the analysis itself, in sentences."""
    notes = []
    if (blocks(design.data, design.analysis, design.setting).prior_sd == FLAT).any():
        scale = design.blocks.sd_priors["authority_sd"]
        notes.append(
            "Authorities' own terms have flat priors in the analysis; fits here, and truths drawn"
            f" from the priors, have normal ones with sd {scale:g}."
        )
    if design.data.patterns is not None:
        notes.append(
            "Counts are rounded to whole children, so that outcomes can be drawn; matching"
            " weights make them fractions."
        )
    elif design.data.child_terms:
        notes.append(
            "The children's terms have flat priors: in every scenario their truths are the"
            " design's own estimates. Others would change no error and no coverage, as the answers"
            " of all methods move with the data."
        )
    return tuple(notes)


def shared_out(
    data: CellData, child_effect: Floats, residual_sd: float, rng: np.random.Generator
) -> CellData:
    """What is known within cells, shared out among authorities as their children would have it.

    `bayes.replicated` draws it for all of them together, which is all that the model needs;
    errors clustered on authorities need each one's. Sums over authorities stay as they are.
    """
    if data.patterns is not None or not len(child_effect):
        return data
    xx, total = data.within_xx, data.within_xx.sum(0)
    values, vectors = np.linalg.eigh(xx)
    roots = vectors * np.sqrt(values.clip(min=0.0))[:, None, :]
    drawn = residual_sd * np.einsum("aij,aj->ai", roots, rng.standard_normal(xx.shape[:2]))
    pull = data.within_xy.sum(0) - total @ child_effect
    drawn += xx @ np.linalg.lstsq(total, pull - drawn.sum(0))[0]
    share = data.curvature.sum()
    by = np.bincount(data.authority, data.curvature, len(data.authorities)) / share
    return replace(data, within_xy=xx @ child_effect + drawn, within_yy=by * data.within_yy.sum())
