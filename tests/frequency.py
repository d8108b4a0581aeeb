"""Tables of any number of dimensions with all their margins, as entries that may be hidden."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from sofs_bayes.disclosure.search import Entries, Sparse, entries


def frequency_table(counts: npt.ArrayLike) -> Entries:
    """A table of any number of dimensions with all its margins, as `margin_places` has them."""
    counts = np.asarray(counts)
    return entries(margins(counts.shape), counts)


def margin_places(shape: Sequence[int]) -> Iterator[tuple[int | None, ...]]:
    """The place of each cell and margin: a position per dimension, None for its total."""
    return product(*[(*range(size), None) for size in shape])


def margins(shape: Sequence[int]) -> Sparse:
    """Which cells make up each cell and margin, in the order of `margin_places`."""
    joined: Any = sp.csr_array(np.ones((1, 1)))
    for size in shape:
        joined = sp.kron(joined, np.vstack([np.eye(size), np.ones(size)]), format="csr")
    return joined
