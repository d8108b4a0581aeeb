"""What a year keeps of the one before, over all years at once.

As a graph it would be several nodes for each year, and as many for their derivatives, which take
longer to compile and to compute.
"""

from collections.abc import Sequence
from typing import Any

import numba
import pytensor.tensor as pt
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import register_funcify_default_op_cache_key

__all__ = ["Recursion"]

# Of the compiled code: to be raised with every change of it, or caches give an older one.
VERSION = 1


class Recursion(Op):  # type: ignore[misc]
    """y with y₀ = b₀ and yₜ = bₜ + aₜ yₜ₋₁, from a and b, shapes (rows, times)."""

    __props__ = ()

    def make_node(self, kept: Any, added: Any) -> Any:
        """The node of a graph."""
        given = [pt.as_tensor_variable(each) for each in (kept, added)]
        return Apply(self, given, [given[1].type()])

    def infer_shape(self, _: Any, shapes: Sequence[Any]) -> list[Any]:
        """That of what is added."""
        return [shapes[1]]

    def pullback(self, inputs: Sequence[Any], outputs: Sequence[Any], by: Sequence[Any]) -> Any:
        """The derivative by b is the same recursion from the last time to the first."""
        kept, found = inputs[0], outputs[0]
        first = pt.zeros_like(kept[:, :1])
        kept_of_next = pt.concatenate([kept[:, 1:], first], axis=1)
        by_added = self(kept_of_next[:, ::-1], by[0][:, ::-1])[:, ::-1]
        return [by_added * before(found), by_added]

    def perform(self, _: Any, inputs: Sequence[Any], storage: Sequence[list[Any]]) -> None:
        """The same where PyTensor does not compile."""
        storage[0][0] = _in_turn(*inputs)


def before(values: Any) -> Any:
    """The value of the time before, shape (rows, times); 0 at the first."""
    return pt.concatenate([pt.zeros_like(values[:, :1]), values[:, :-1]], axis=1)


@register_funcify_default_op_cache_key(Recursion)  # type: ignore[untyped-decorator]
def _compiled(op: Any, node: Any = None, **_: Any) -> Any:
    return numba.njit(_in_turn), VERSION


def _in_turn(kept: Any, added: Any) -> Any:
    found = added.copy()
    for t in range(1, found.shape[1]):
        found[:, t] += kept[:, t] * found[:, t - 1]
    return found
