"""Counts by cell and pattern of the children's terms, exact and censored."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.bayes.censored import Censored, censored_counts, is_censored, share_known
from sofs_bayes.bayes.expansion import Counts, Expansion, expand

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

# Terms of two cells that differ by less are the same (they are standardised, or counts).
DECIMALS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Patterns:
    """The counts of a binomial likelihood, by cell and pattern of the children's terms.

    Attributes
    ----------
    cell, pattern
        Where a count stands, shape (counts,). Censored counts are the last ones.
    n, events
        Σw and Σwy with the scaled weights, shape (counts,); the middle where censored.
    children
        Rows, unweighted, shape (counts,); the middle where censored.
    child_design
        The children's terms of each pattern, shape (patterns, child terms).
    censored
        What is known of the last counts, those with about as many possibilities together.
    """

    cell: Integers
    pattern: Integers
    n: Floats
    events: Floats
    children: Floats
    child_design: Floats
    censored: tuple[Censored, ...] = ()

    @property
    def exact(self) -> slice:
        """Which counts are exact: all but the last ones."""
        return slice(0, len(self.cell) - sum(len(each.cell) for each in self.censored))

    def times(self, share: Floats) -> "Patterns":
        """The same shapes, with counts times each cell's share, shape (cells,)."""
        of_count = share[self.cell]
        return replace(
            self,
            n=self.n * of_count,
            events=self.events * of_count,
            children=self.children * of_count,
            censored=tuple(
                replace(each, weight=each.weight * share[each.cell]) for each in self.censored
            ),
        )


def patterns_of(
    frame: pd.DataFrame, own: pd.DataFrame, cell: Integers, n: Floats, events: Floats
) -> Patterns:
    """The counts of rows, exact ones of a cell and pattern together.

    Parameters
    ----------
    frame
        Counts of children (`n`, `events`), and their bounds if they have any.
    own
        The children's terms, shape (rows, child terms).
    cell
        Of each row, shape (rows,).
    n, events
        Σw and Σwy with the scaled weights, shape (rows,).
    """
    own = own.round(DECIMALS)
    pattern = np.zeros(len(own), dtype=np.int64)
    if own.shape[1]:
        pattern = np.asarray(own.groupby(list(own), sort=True).ngroup(), dtype=np.int64)
    columns = {"n": n, "events": events, "children": frame["n"].to_numpy(np.float64)}
    counted = pd.DataFrame({"cell": cell, "pattern": pattern} | columns)
    hidden = is_censored(frame)
    exact = counted[~hidden].groupby(["cell", "pattern"], sort=True, as_index=False).sum()
    counts = pd.concat([exact, counted[hidden]])
    first = np.unique(pattern, return_index=True)[1]
    return Patterns(
        cell=counts["cell"].to_numpy(np.int64),
        pattern=counts["pattern"].to_numpy(np.int64),
        n=counts["n"].to_numpy(np.float64),
        events=counts["events"].to_numpy(np.float64),
        children=counts["children"].to_numpy(np.float64),
        child_design=own.iloc[first].to_numpy(np.float64),
        censored=censored_counts(
            frame[hidden], cell[hidden], pattern[hidden], n[hidden], events[hidden]
        ),
    )


def expansion_of(patterns: Patterns, frame: pd.DataFrame, authority: Integers) -> Expansion:
    """The quadratic expansion of counts; censored ones count by what is known of them.

    Parameters
    ----------
    frame
        The rows that the counts were made of.
    authority
        Of each cell, shape (cells,).
    """
    known = np.ones(len(patterns.cell))
    known[patterns.exact.stop :] = share_known(frame[is_censored(frame)])
    return expand(
        Counts(
            cell=patterns.cell,
            child_terms=patterns.child_design[patterns.pattern],
            n=patterns.n * known,
            events=patterns.events * known,
            authority=authority,
        )
    )
