"""The one place where graphs of the hierarchical model are compiled, which takes a minute.

The linear model of a design that is there several times comes at the cost of one: copies share
the coefficients and have authorities and shocks of their own, so that the covariance of all cells
is I ⊗ A + J ⊗ B. In √m times the mean over the m copies, and m - 1 orthonormal contrasts between
them, it falls apart into A + m B and m - 1 times A: matrices of the size of one copy, where
`did_model` would take one m times as large. The density is the same.
"""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sofs_bayes.bayes.blocks import Blocks
from sofs_bayes.bayes.did_model import (
    Arrays,
    Form,
    build_model,
    covariance_of_cells,
    sampled_residual_sd,
)
from sofs_bayes.bayes.sampling import Compiled, compile_graph

if TYPE_CHECKING:
    import pymc as pm

Floats = npt.NDArray[np.float64]


def falls_apart(form: Form, blocks: Blocks) -> bool:
    """Whether a fit's copies share nothing but coefficients, all of them normal."""
    own = blocks.own_effects
    plain = form.likelihood == "gaussian" and form.tails == "normal" and not form.pooled_years
    return plain and not (blocks.prior_sd[own] > 0).any()


def copied_arrays(arrays: Arrays, copies: int) -> dict[str, npt.NDArray[np.float64]]:
    """The arrays of `build_copied` from those of the whole design, one copy after the other."""
    size = len(arrays["cell_mean"]) // copies
    one = slice(0, size)
    found = dict(arrays)
    found["fixed"] = arrays["fixed"][one, one]
    # Between copies the noise is what children's terms leave unknown; within, chance besides.
    between = arrays["noise"][one, size : 2 * size]
    found["between"] = between
    found["noise"] = arrays["noise"][one, one] - between
    for name in ("authorities", "pilots"):
        used = arrays[name][one].any(axis=0)
        found[name] = arrays[name][one][:, used] if used.any() else arrays[name][one][:, :1]
    for name in ("gap", "same"):
        if name in arrays:
            found[name] = arrays[name][one, one]
    contrasts = _contrasts(copies) @ arrays["cell_mean"].reshape(copies, size)
    del found["cell_mean"]
    return found | {"mean": contrasts[0], "differences": contrasts[1:]}


def _contrasts(copies: int) -> Floats:
    """An orthonormal matrix (copies, copies) whose first row is constant (Helmert's)."""
    rows = [np.ones(copies) / np.sqrt(copies)]
    for i in range(1, copies):
        row = np.r_[np.ones(i), -i, np.zeros(copies - i - 1)]
        rows.append(row / np.sqrt(i * (i + 1)))
    return np.stack(rows)


def build_copied(form: Form, arrays: Arrays, copies: int) -> "pm.Model":
    """The graph, with the same parameters as `did_model.build_model` has.

    Parameters
    ----------
    form
        Of the whole design.
    arrays
        As `copied_arrays` gives them.
    """
    import pymc as pm
    import pytensor.tensor as pt

    with pm.Model(check_bounds=False) as graph:
        given = {name: pm.Data(name, array) for name, array in arrays.items()}
        residual_sd = sampled_residual_sd(form, given)
        own = covariance_of_cells(form, given, residual_sd)
        shared = given["fixed"] + residual_sd**2 * given["between"]
        zero = pt.zeros_like(given["mean"])
        pm.MvNormal("mean_of_copies", zero, own + copies * shared, observed=given["mean"])
        pm.MvNormal("between_copies", zero, own, observed=given["differences"])
    return graph


def compile_model(form: Form, arrays: Arrays, *, copies: int = 1) -> Compiled:
    """The compiled graph of a form, for `sample` to feed with any data of that form.

    Parameters
    ----------
    form, arrays
        As for `did_model.build_model`.
    copies
        Into how many copies of one design the data fall apart; the graph has the arrays of
        `copied_arrays` if there are several.
    """
    if copies == 1:
        return compile_graph(build_model(form, arrays))
    return compile_graph(build_copied(form, copied_arrays(arrays, copies), copies))
