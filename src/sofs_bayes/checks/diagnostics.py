"""The gate every posterior passes before it counts as a result."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from sofs_bayes.bayes.limits import MAX_RHAT, MIN_BFMI, MIN_ESS
from sofs_bayes.estimands.effects import Effects
from sofs_bayes.spec import DidAnalysis, OpenAnalysis
from sofs_bayes.spec.terms import CHILDREN, told_in

Floats = npt.NDArray[np.float64]

# A fit that misses the gate by no more just missed it.
NEAR_RHAT, NEAR_ESS = 1.02, MIN_ESS / 2
NEAR_DIVERGENCES = 1e-3  # as a share of draws
OF_SINGLE = ("shock", "authority_intercept")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One quantity that did not pass: what was measured, and what was asked of it."""

    quantity: str
    measure: str
    value: float
    limit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The verdict on a set of draws, and the worst value of each measure."""

    failures: tuple[Failure, ...]
    max_rhat: float
    min_ess_bulk: float
    min_ess_tail: float
    min_bfmi: float
    divergences: int
    draws: int
    quantities: int

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return not self.failures

    @property
    def near(self) -> bool:
        """Whether it passed, or missed by no more than longer sampling usually makes good."""
        return all(self._is_near(each) for each in self.failures)

    def _is_near(self, failure: Failure) -> bool:
        match failure.measure:
            case "R-hat":
                return failure.value <= NEAR_RHAT
            case "bulk ESS" | "tail ESS":
                return failure.value >= NEAR_ESS
            case "divergences":
                return failure.value <= NEAR_DIVERGENCES * self.draws
        return False

    @property
    def status(self) -> str:
        """The word every table and figure made from these draws carries."""
        return "converged" if self.passed else "not converged"


def gate_of(said: Mapping[str, Any]) -> Gate:
    """A verdict from its fields, as `dataclasses.asdict` gives them."""
    failures = tuple(Failure(**each) for each in said["failures"])
    return Gate(**{**said, "failures": failures})


def judged_parameters(parameters: xr.Dataset, analysis: DidAnalysis) -> xr.Dataset:
    """The parameters that the gate asks for: of counts none of single authorities.

    Of a thousand shocks of 147 authorities some would always fail by chance.
    """
    single = OF_SINGLE if isinstance(analysis, OpenAnalysis) else ()
    return parameters.drop_vars(single, errors="ignore")


def gate(
    parameters: xr.Dataset,
    effects: Effects | None,
    sample_stats: xr.Dataset | None = None,
    *,
    whom: str = CHILDREN,
) -> Gate:
    """The gate's verdict on parameters and on the effects derived from them.

    Parameters
    ----------
    parameters, effects
        Draws, dims (chain, draw, …). A quantity that is NaN or constant fails: its R-hat is
        undefined.
    sample_stats
        With `diverging` and `energy`, dims (chain, draw); None of draws that were weighted anew,
        which say nothing more of the sampler.
    whom
        Those of changes told per so many of them.
    """
    import arviz_stats as azs

    measured = {}
    for name, draws in parameters.data_vars.items():
        rhat, bulk, tail = _measures(draws)
        measured[str(name)] = (np.max(rhat), np.min(bulk), np.min(tail))  # NaN wins, and fails
    if effects is not None:
        names = (f"{each}, {each.target} ({told_in(each.scale, whom)})" for each in effects)
        measured |= dict(zip(names, zip(*_measures(effects.array), strict=True), strict=True))
    failures = list(_failures(measured))
    bfmi, divergences = float("nan"), 0
    if sample_stats is not None:
        bfmi = float(np.min(azs.bfmi(sample_stats["energy"]).to_numpy()))
        divergences = int(sample_stats["diverging"].sum())
        if not bfmi >= MIN_BFMI:
            failures.append(Failure(quantity="energy", measure="BFMI", value=bfmi, limit=MIN_BFMI))
    if divergences:
        failures.append(
            Failure(quantity="sampler", measure="divergences", value=divergences, limit=0)
        )
    worst = np.array(list(measured.values()))
    first = next(iter(parameters.data_vars.values()))
    return Gate(
        failures=tuple(failures),
        max_rhat=float(np.max(worst[:, 0])),
        min_ess_bulk=float(np.min(worst[:, 1])),
        min_ess_tail=float(np.min(worst[:, 2])),
        min_bfmi=bfmi,
        divergences=divergences,
        draws=first.sizes["chain"] * first.sizes["draw"],
        quantities=len(measured),
    )


def _failures(measured: Mapping[str, tuple[float, float, float]]) -> Iterator[Failure]:
    """What of R-hat, bulk and tail ESS, by quantity, is not what is asked for; NaN is not."""
    for name, (rhat, bulk, tail) in measured.items():
        if not rhat <= MAX_RHAT:
            yield Failure(quantity=name, measure="R-hat", value=float(rhat), limit=MAX_RHAT)
        for measure, ess in (("bulk ESS", bulk), ("tail ESS", tail)):
            if not ess >= MIN_ESS:
                yield Failure(quantity=name, measure=measure, value=float(ess), limit=MIN_ESS)


def _measures(draws: xr.DataArray) -> tuple[Floats, Floats, Floats]:
    """R-hat, bulk and tail ESS of draws (chain, draw, …), each of shape (…)."""
    import arviz_stats as azs

    with np.errstate(invalid="ignore", divide="ignore"):
        found = azs.rhat(draws), azs.ess(draws, method="bulk"), azs.ess(draws, method="tail")
    return tuple(each.to_numpy().astype(np.float64) for each in found)
