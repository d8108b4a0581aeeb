"""What may be true of a design: scenarios under the model's assumptions, and under others."""

from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

import numpy as np

from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.spec import HalfNormal, HierarchicalAnalysis
from sofs_bayes.spec.terms import PriorOfSd

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
