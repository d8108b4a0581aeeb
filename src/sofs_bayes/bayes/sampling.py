"""One PyMC graph, compiled once by nutpie and sampled as often as wanted on other data."""

import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
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
# Draws whose derived quantities are computed at once: they take memory.
TOGETHER = 250

Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A graph compiled to machine code; its `pm.Data` can be exchanged, not their shapes.

    Attributes
    ----------
    program
        What nutpie samples: the log density and its gradient.
    derive
        Parameters (draw, …) and data by name → the graph's deterministics (draw, …) by name.
    data
        The data it stands with, by name.
    """

    program: Any
    derive: Callable[[Arrays], Arrays]
    data: Arrays

    def fed(self, data: Arrays) -> "Compiled":
        """The same graph with other data, of the same names and shapes."""
        fed = {name: np.asarray(data.get(name, old), old.dtype) for name, old in self.data.items()}
        if unknown := sorted(data.keys() - fed.keys()):
            raise KeyError(f"no data of the graph: {', '.join(unknown)}")
        # They stand behind each other in one array: another size would move all that follow.
        if other := [name for name, old in self.data.items() if fed[name].shape != old.shape]:
            raise ValueError(f"data of other shapes than compiled: {', '.join(other)}")
        return replace(self, program=self.program.with_data(**_joined(fed)), data=fed)


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
    with warnings.catch_warnings(), pytensor.config.change_flags(numba__fastmath=False):
        # Where there is no C++ compiler, which numba does not need.
        warnings.filterwarnings("ignore", "Loop fusion failed")
        program = nutpie.compile_pymc_model(
            _of_joined_data(graph),
            backend="numba",
            initial_points=_origin(graph),
            # Deterministics compiled as well would take two thirds as long again.
            var_names=[rv.name for rv in graph.free_RVs],
        )
    data = {each.name: each.get_value() for each in graph.data_vars}
    return Compiled(program=program, derive=derivation(graph), data=data)


def _joined(data: Arrays) -> dict[str, npt.NDArray[Any]]:
    """All values of a type as one array, by the type's name."""
    kinds = dict.fromkeys(each.dtype.name for each in data.values())
    return {
        kind: np.concatenate([each.ravel() for each in data.values() if each.dtype.name == kind])
        for kind in kinds
    }


def _of_joined_data(graph: "pm.Model") -> "pm.Model":
    """The same graph with its data as parts of one array for each type.

    nutpie's own code around a density is compiled for each array that it hands over.
    """
    import pytensor
    from pymc.model.fgraph import fgraph_from_model, model_from_fgraph
    from pytensor.graph.fg import FunctionGraph
    from pytensor.graph.replace import clone_replace

    functions, copies = fgraph_from_model(graph)
    data = {each: each.get_value() for each in graph.data_vars}
    joined = _joined({each.name: value for each, value in data.items()})
    arrays = {
        kind: pytensor.shared(values, name=kind, shape=values.shape)
        for kind, values in joined.items()
    }
    parts, end = {}, dict.fromkeys(arrays, 0)
    for each, value in data.items():
        start, end[each.dtype] = end[each.dtype], end[each.dtype] + value.size
        part = arrays[each.dtype][start : end[each.dtype]].reshape(value.shape)
        parts[copies[each].owner.inputs[0]] = part
    outputs = clone_replace(functions.outputs, replace=parts, rebuild_strict=False)
    found = FunctionGraph(outputs=outputs, clone=False)
    found._coords, found._dim_lengths = functions._coords, functions._dim_lengths
    model = model_from_fgraph(found, mutate_fgraph=True)
    model.check_bounds = graph.check_bounds
    return model


def derivation(graph: "pm.Model") -> Callable[[Arrays], Arrays]:
    """A graph's deterministics as a function of many draws at once, which needs no compiling.

    Returns
    -------
    Callable
        Parameters, shape (draw, …), and data by name → deterministics, shape (draw, …), by name.
    """
    import pytensor
    from pytensor.compile.mode import Mode
    from pytensor.graph.replace import vectorize_graph
    from pytensor.tensor import TensorType

    if not graph.deterministics:
        return lambda _: {}
    many = {rv: TensorType(rv.dtype, (None, *rv.type.shape))(rv.name) for rv in graph.free_RVs}
    given = many | {each: each.type(each.name) for each in graph.data_vars}
    function = pytensor.function(
        list(given.values()),
        vectorize_graph(graph.deterministics, given),
        mode=Mode(linker="py", optimizer="fast_compile"),
        on_unused_input="ignore",
    )
    names = [each.name for each in graph.deterministics]
    types = {each.name: each.dtype for each in given}

    def derive(values: Arrays) -> Arrays:
        inputs = (np.asarray(values[name], dtype=dtype) for name, dtype in types.items())
        return dict(zip(names, function(*inputs), strict=True))

    return derive


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
    import xarray as xr
    from threadpoolctl import threadpool_limits

    compiled = compiled.fed(data) if data else compiled
    # Chains are the threads: with more of them for matrices of a hundred rows, all wait.
    with threadpool_limits(1):
        try:
            chains = nutpie.sample(
                compiled.program,
                chains=sampler.chains,
                cores=cores,
                tune=sampler.tune,
                draws=sampler.draws,
                seed=stage_seed(sampler.seed, stage),
                target_accept=sampler.target_accept,
                save_warmup=False,
                progress_bar=False,
                blocking=False,  # else an interrupt gives what is drawn so far, as if it were all
            )
            try:
                tree: xr.DataTree = chains.wait()
            except BaseException:
                chains.cancel()
                raise
        except RuntimeError as error:
            _wait_for_workers()
            if NO_START not in str(error):
                raise
            found = "no starting point with a finite density"
            allowed = "data that the model and its priors can have brought forth"
            raise BadInput("the sampler", stage, found, allowed) from None
    posterior = tree["posterior"].to_dataset()
    tree["posterior"] = xr.DataTree(posterior.assign(_derived(compiled, posterior)))
    return tree


def _derived(compiled: Compiled, posterior: "xr.Dataset") -> dict[str, tuple[Any, ...]]:
    """The deterministics of all draws, as variables (chain, draw, …)."""
    shape = (posterior.sizes["chain"], posterior.sizes["draw"])
    size = shape[0] * shape[1]
    flat = {
        str(name): each.to_numpy().reshape(size, *each.shape[2:])
        for name, each in posterior.data_vars.items()
    }
    parts = [
        compiled.derive(
            {**compiled.data, **{name: each[i : i + TOGETHER] for name, each in flat.items()}}
        )
        for i in range(0, size, TOGETHER)
    ]
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return {
        name: (
            ("chain", "draw", *(f"{name}_dim_{i}" for i in range(values.ndim - 1))),
            values.reshape(*shape, *values.shape[1:]),
        )
        for name, values in found.items()
    }


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
