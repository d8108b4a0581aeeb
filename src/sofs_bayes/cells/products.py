"""Rows of the view `coded` → cross-products of regressors and outcome by cell."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sofs_bayes.cells.counts import first_of_each
from sofs_bayes.cells.dataset import INTERCEPT, OUTCOME
from sofs_bayes.matching.matched_rows import MISSING
from sofs_bayes.records.column_values import quoted
from sofs_bayes.spec import ChildrenAnalysis, Number

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Floats = npt.NDArray[np.float64]
Columns = Mapping[str, npt.NDArray[Any]]

# Rows fetched at a time are this many of DuckDB's vectors of 2048.
VECTORS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where regressors stand: the intercept, the child terms in the regressions' order, outcome.

    `levels` gives the index of each level's dummy by covariate (-1: the reference), also of
    whether a number is missing; `numbers` the index and the centre of each number. A missing
    number stands at the centre.
    """

    names: tuple[str, ...]
    levels: Mapping[str, npt.NDArray[np.int64]]
    numbers: Mapping[str, tuple[int, float]]


def layout_of(analysis: ChildrenAnalysis) -> Layout:
    """The regressors of an analysis, named as the regressions' child terms are."""
    names = [INTERCEPT]
    levels, numbers = {}, {}
    for name in analysis.regressions.covariates:
        covariate = analysis.records.covariate(name)
        if isinstance(covariate, Number):
            numbers[name] = len(names), covariate.centre
            levels[missing(name)] = np.array([-1, len(names) + 1])
            names += [name, f"{name}: {MISSING}"]
            continue
        index = []
        for level in (*covariate.levels, MISSING):
            index.append(-1 if level == covariate.reference else len(names))
            names += [] if level == covariate.reference else [f"{name}: {level}"]
        levels[name] = np.array(index)
    return Layout(names=(*names, OUTCOME), levels=levels, numbers=numbers)


def missing(name: str) -> str:
    """What is called whether a number is missing."""
    return f"{name} missing"


def cross_products(
    connection: "DuckDBPyConnection", keys: Sequence[str], analysis: ChildrenAnalysis
) -> dict[str, npt.NDArray[Any]]:
    """Σzz' and Σwzz' of z = (1, child terms, outcome) by cell, and the cells' keys.

    Rows with the same key, levels and weight are counted in DuckDB, with the sums and products
    of their numbers; dummies are constant among them.

    Returns
    -------
    dict
        `unweighted` and `weighted`, shape (cells, regressors, regressors); each key, shape
        (cells,), in order.
    """
    layout = layout_of(analysis)
    cells = _cells(connection, keys)
    size = len(layout.names)
    count = len(next(iter(cells.values())))
    sums = {name: np.zeros((count, size, size)) for name in ("unweighted", "weighted")}
    for cell, chunk in _chunks(connection, keys, layout):
        for row, column, value, i, j in _entries(chunk, layout):
            place = np.ravel_multi_index((cell, row, column), (count, size, size))
            keep = (i >= 0) & (j >= 0)
            for name, factor in (("unweighted", 1.0), ("weighted", chunk["weight"])):
                added = np.bincount(
                    place[keep], weights=(value * factor)[keep], minlength=sums[name].size
                )
                sums[name] += added.reshape(sums[name].shape)
    full = {name: upper + np.triu(upper, 1).transpose(0, 2, 1) for name, upper in sums.items()}
    return cells | full


def _cells(connection: "DuckDBPyConnection", keys: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
    listed = ", ".join(map(quoted, keys))
    found = connection.execute(f"SELECT DISTINCT {listed} FROM coded ORDER BY {listed}")
    return {name: np.asarray(values) for name, values in found.fetchnumpy().items()}


def _chunks(
    connection: "DuckDBPyConnection", keys: Sequence[str], layout: Layout
) -> Iterator[tuple[npt.NDArray[np.intp], Columns]]:
    """Aggregated rows in the order of their cells, each with the index of its cell."""
    numbers = {
        name: f"coalesce({quoted(name)} - {c!r}, 0)" for name, (_, c) in layout.numbers.items()
    }
    chosen = {name: quoted(name) for name in (*keys, *layout.levels)}
    chosen |= {missing(name): f"({quoted(name)} IS NULL)::SMALLINT" for name in numbers}
    sums = {}
    for name, sql in numbers.items():
        sums[f"sum {name}"] = f"sum({sql})"
        sums[f"events {name}"] = f"coalesce(sum({sql}) FILTER (WHERE outcome = 1), 0)"
    for one, other in combinations_with_replacement(numbers, 2):
        sums[f"{one} {other}"] = f"sum({numbers[one]} * {numbers[other]})"
    sums |= {"n": "count(*)::DOUBLE", "events": "sum(outcome)::DOUBLE"}
    columns = ", ".join(f"{sql} AS {quoted(name)}" for name, sql in (chosen | sums).items())
    listed = ", ".join(map(quoted, chosen))
    result = connection.execute(
        f"SELECT {columns}, weight FROM coded"
        f" GROUP BY {', '.join(chosen.values())}, weight ORDER BY {listed}, weight"
    )
    cell, last = -1, None
    while len(frame := result.fetch_df_chunk(VECTORS)):
        chunk = {str(name): frame[name].to_numpy() for name in frame}
        own = [chunk[name] for name in keys]
        begins = np.zeros(len(frame), dtype=np.intp)
        begins[first_of_each(own)] = 1
        begins[0] = last != [values[0] for values in own]
        index = cell + np.cumsum(begins)
        cell, last = int(index[-1]), [values[-1] for values in own]
        yield index, chunk


def _entries(chunk: Columns, layout: Layout) -> Iterator[tuple[Any, ...]]:
    """Upper-triangle entries: row, column, value, and what must not be negative (references)."""
    size = len(chunk["n"])
    at = {INTERCEPT: np.zeros(size, dtype=np.int64)}
    at |= {name: index[chunk[name]] for name, index in layout.levels.items()}
    outcome = np.full(size, len(layout.names) - 1)
    for one, other in combinations_with_replacement(at, 2):
        yield _entry(at[one], at[other], chunk["n"])
    for name in at:
        yield _entry(at[name], outcome, chunk["events"])
    yield _entry(outcome, outcome, chunk["events"])
    for number, (place, _) in layout.numbers.items():
        here = np.full(size, place)
        for name in at:
            yield _entry(at[name], here, chunk[f"sum {number}"])
        yield _entry(here, outcome, chunk[f"events {number}"])
    for one, other in combinations_with_replacement(layout.numbers, 2):
        here, there = (np.full(size, layout.numbers[name][0]) for name in (one, other))
        yield _entry(here, there, chunk[f"{one} {other}"])


def _entry(
    one: npt.NDArray[np.int64], other: npt.NDArray[np.int64], value: Floats
) -> tuple[Any, ...]:
    row, column = np.minimum(one, other), np.maximum(one, other)
    return row.clip(min=0), column.clip(min=0), value, row, column
