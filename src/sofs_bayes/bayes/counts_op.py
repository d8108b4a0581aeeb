"""Σ n log(1 + odds) over counts by cell and pattern, with its derivatives, in one pass.

PyTensor's own graph of it takes four times as long: a call of log1p for each count, and gathers
and scatters through arrays as long as the counts.
"""

import math
from collections.abc import Sequence
from typing import Any

import numba
import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType, disconnected_type, grad_not_implemented
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import register_funcify_default_op_cache_key

__all__ = ["SumOfLogs"]

# Of the compiled code: to be raised with every change of it, or caches give an older one.
VERSION = 1

# Sums in any order, fused products; infinities and what is not a number stay what they are.
LOOSE = {"contract", "reassoc", "arcp", "nsz"}

LOG_2 = math.log(2.0)
BITS_OF_ROOT_HALF = int(np.float64(math.sqrt(0.5)).view(np.int64))
# log m = 2 artanh z = z (2 + 2/3 z² + 2/5 z⁴ …), |z| < 0.172: what is left out is below 1e-17.
C0, C1, C2, C3, C4, C5, C6, C7, C8, C9 = (2.0 / (2 * k + 1) for k in range(10))


class SumOfLogs(Op):  # type: ignore[misc]
    """Σ n log(1 + exp(log-odds of the cell + log-odds of the pattern)) over counts.

    Inputs: log-odds by cell, log-odds by pattern, and counts ordered by cell: where each
    cell's begin, and their patterns and n. Outputs: the sum and its derivatives by cell and by
    pattern, which have none themselves.
    """

    __props__ = ()

    def make_node(self, *inputs: Any) -> Any:
        """The node of a graph."""
        given = [pt.as_tensor_variable(each) for each in inputs]
        outputs = [pt.scalar(dtype="float64"), given[0].type(), given[1].type()]
        return Apply(self, given, outputs)

    def infer_shape(self, _: Any, shapes: Sequence[Any]) -> list[Any]:
        """A number, then one for each cell and each pattern."""
        return [(), shapes[0], shapes[1]]

    def connection_pattern(self, _: Any) -> list[list[bool]]:
        """Whether an input (rows) is differentiated: integers are not."""
        return [[differentiable] * 3 for differentiable in (True, True, False, False, True)]

    def pullback(self, inputs: Sequence[Any], outputs: Sequence[Any], by: Sequence[Any]) -> Any:
        """The derivatives that the pass itself gave, by the chain rule."""
        if not all(isinstance(each.type, DisconnectedType) for each in by[1:]):
            raise NotImplementedError("second derivatives of the counts' likelihood")
        by_n = grad_not_implemented(self, 4, inputs[4])
        of_integers = [disconnected_type(), disconnected_type()]
        return [by[0] * outputs[1], by[0] * outputs[2], *of_integers, by_n]

    def perform(self, _: Any, inputs: Sequence[Any], storage: Sequence[list[Any]]) -> None:
        """The same pass where PyTensor does not compile."""
        for place, value in zip(storage, _one_pass(*inputs), strict=True):
            place[0] = value


@register_funcify_default_op_cache_key(SumOfLogs)  # type: ignore[untyped-decorator]
def _compiled(op: Any, node: Any = None, **_: Any) -> Any:
    return _one_pass, VERSION


@numba.njit(fastmath=LOOSE, error_model="numpy")
def _log(y: Any) -> Any:
    """The logarithm of a normal number above 0, in steps that processors take eight at a time."""
    bits = np.float64(y).view(np.int64)
    exponent = (bits - BITS_OF_ROOT_HALF) >> 52
    m = np.int64(bits - (exponent << 52)).view(np.float64)
    z = (m - 1.0) / (m + 1.0)
    w = z * z
    high = C5 + w * (C6 + w * (C7 + w * (C8 + w * C9)))
    return exponent * LOG_2 + z * (C0 + w * (C1 + w * (C2 + w * (C3 + w * (C4 + w * high)))))


@numba.njit(fastmath=LOOSE, error_model="numpy")
def _one_pass(of_cell: Any, of_pattern: Any, start: Any, pattern: Any, n: Any) -> Any:
    """Cell by cell: gathered odds, then what can be done eight at a time, then scattered."""
    total = 0.0
    by_cell, by_pattern = np.empty(len(of_cell)), np.zeros(len(of_pattern))
    odds_of_pattern = np.exp(of_pattern)
    odds = np.empty(np.diff(start).max())
    for cell in range(len(of_cell)):
        here = slice(start[cell], start[cell + 1])
        patterns, numbers = pattern[here], n[here]
        odds_of_cell = math.exp(of_cell[cell])
        # Unsigned indices: signed ones are checked for those that count from the end.
        for i in range(len(patterns)):
            odds[i] = odds_of_cell * odds_of_pattern[np.uintp(patterns[i])]
        expected = 0.0
        for i in range(len(patterns)):
            y = 1.0 + odds[i]
            total += numbers[i] * _log(y)
            odds[i] = numbers[i] * odds[i] / y
            expected += odds[i]
        by_cell[cell] = expected
        for i in range(len(patterns)):
            by_pattern[np.uintp(patterns[i])] += odds[i]
    if not np.isfinite(by_cell).all():  # odds beyond the largest number, of which `_log` is wrong
        total = np.inf
    return np.asarray(total), by_cell, by_pattern
