"""One PyMC graph, compiled once by nutpie and sampled as often as wanted on other data."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sofs_bayes.errors import BadInput
from sofs_bayes.spec import Sampler
from sofs_bayes.spec.seeds import stage_seed

if TYPE_CHECKING:
    import pymc as pm
    import xarray as xr

# What nutpie says where a chain finds no point to start from, and how it names its threads.
NO_START, WORKER = "initialization points failed", "nutpie-worker"
# The threads of this process, where the system shows them; the wait for nutpie's where not.
THREADS, BLIND_WAIT, LONGEST_WAIT = Path("/proc/self/task"), 1.0, 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A graph compiled to machine code; its `pm.Data` can be exchanged, not their shapes."""

    program: Any


def compile_graph(graph: "pm.Model") -> Compiled:
    """The compiled form of a graph whose data are `pm.Data` (constants would be compiled in).

    Chains start near zero on the scale each parameter is sampled on, not near its prior's
    mean: that would be the prior the graph was built with, and the draws from other data would
    depend on it.
    """
    import nutpie
    import pytensor

    # With sums in any order, a function taken from PyTensor's cache of compiled code and one
    # compiled into its caller differ in their last digits, and so do all draws after some steps.
    with pytensor.config.change_flags(numba__fastmath=False):
        program = nutpie.compile_pymc_model(graph, backend="numba", initial_points=_origin(graph))
    return Compiled(program=program)


def _origin(graph: "pm.Model") -> dict[str, npt.NDArray[np.float64]]:
    """Each parameter's value where its unconstrained transform is zero, by name."""
    import pytensor.tensor as pt

    origin = {}
    for parameter in graph.free_RVs:
        zero = pt.zeros(parameter.shape)
        transform = graph.rvs_to_transforms[parameter]
        value = zero if transform is None else transform.backward(zero, *parameter.owner.inputs)
        origin[parameter.name] = np.asarray(value.eval(mode="FAST_COMPILE"), dtype=np.float64)
    return origin


def sample(
    compiled: Compiled,
    sampler: Sampler,
    *,
    data: Mapping[str, npt.NDArray[np.float64]] | None = None,
    stage: str = "posterior",
    cores: int | None = None,
) -> "xr.DataTree":
    """Draws from a compiled graph, by NUTS in nutpie.

    Parameters
    ----------
    compiled
        The compiled graph.
    sampler
        Chains, tuning and kept draws, target acceptance, seed.
    data
        Arrays that replace the graph's data, by name; shapes stay as compiled.
    stage
        Names the use of the seed, so that no two fits of one analysis share random numbers.
    cores
        Chains at once; the draws are the same. None for as many as there are processors.

    Returns
    -------
    xarray.DataTree
        Groups `posterior` and `sample_stats`, dims (chain, draw, …). Warm-up is not kept.

    Raises
    ------
    BadInput
        No starting point has a finite density: data and priors do not go together.
    """
    import nutpie
    from threadpoolctl import threadpool_limits

    program = compiled.program.with_data(**data) if data else compiled.program
    # Chains are the threads: with more of them for matrices of a hundred rows, all wait.
    with threadpool_limits(1):
        try:
            tree: xr.DataTree = nutpie.sample(
                program,
                chains=sampler.chains,
                cores=cores,
                tune=sampler.tune,
                draws=sampler.draws,
                seed=stage_seed(sampler.seed, stage),
                target_accept=sampler.target_accept,
                save_warmup=False,
                progress_bar=False,
            )
        except RuntimeError as error:
            _wait_for_workers()
            if NO_START not in str(error):
                raise
            found = "no starting point with a finite density"
            allowed = "data that the model and its priors can have brought forth"
            raise BadInput("the sampler", stage, found, allowed) from None
    return tree


def _wait_for_workers() -> None:
    """Return when the threads that nutpie leaves behind a failure have ended.

    They go on asking Python for starting points; one that asks an interpreter which is ending
    takes the process with it (segmentation fault).
    """
    if not THREADS.is_dir():
        time.sleep(BLIND_WAIT)
        return
    deadline = time.monotonic() + LONGEST_WAIT
    while time.monotonic() < deadline and any(map(_is_worker, THREADS.iterdir())):
        time.sleep(0.01)


def _is_worker(thread: Path) -> bool:
    try:
        return (thread / "comm").read_text().startswith(WORKER)
    except OSError:  # it has just ended
        return False
