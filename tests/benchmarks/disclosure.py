"""Attack on suppressed frequency tables: what does someone know who has all that is published?

`python -m tests.benchmarks.disclosure [TABLES] [SEED]` makes random tables (10,000 unless said
otherwise), suppresses them, attacks them, and prints one line of counts. The attack shares no
code with the suppression: it adds up margins itself and solves for whole numbers.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy import optimize
from tests.frequency import frequency_table, margins

from sofs_bayes.disclosure.rules import OutputRule
from sofs_bayes.disclosure.search import (
    Flags,
    entries,
    suppressed,
)

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
RULE = OutputRule()
TABLES, SEED = 10_000, 20221101


@dataclass(slots=True, kw_only=True)
class Tally:
    """Numbers of tables, of what is hidden in them, and of what an attacker finds out.

    `exact` and `close` count hidden entries that are known to a single number, and to fewer
    numbers than the threshold; `broken` the tables that have any. `whole` counts tables of which
    nothing can be shown. `bare_*` are the same of one table in ten with the small counts hidden
    alone.
    """

    tables: int = 0
    entries: int = 0
    small: int = 0
    hidden: int = 0
    whole: int = 0
    exact: int = 0
    close: int = 0
    broken: int = 0
    bare_tables: int = 0
    bare_exact: int = 0
    bare_broken: int = 0


def random_counts(rng: np.random.Generator) -> Counts:
    """A table of two or three dimensions, dense or sparse, with zeros."""
    dimensions = int(rng.integers(2, 4))
    shape = tuple(int(n) for n in rng.integers(2, 6 if dimensions == 2 else 4, size=dimensions))
    middle, spread = rng.uniform(1.0, 5.0), rng.uniform(0.3, 1.8)
    expected = np.exp(rng.normal(middle, spread, size=shape))
    return np.asarray(rng.poisson(expected) * (rng.random(shape) > rng.uniform(0, 0.3)))


def all_sums(shape: Sequence[int]) -> Floats:
    """Cells and margins as sums of cells, one line each."""
    places = np.array(list(np.ndindex(*shape)))
    lines = []
    for wanted in product(*[[*range(n), None] for n in shape]):
        inside = [
            all(want is None or at == want for at, want in zip(place, wanted, strict=True))
            for place in places
        ]
        lines.append(np.array(inside, dtype=float))
    return np.array(lines)


def attacked(sums: Floats, cells: Floats, shown: npt.NDArray[np.bool_]) -> Iterator[int]:
    """For each sum that is not shown, how many values it can have; threshold if as many or more.

    All that is known: the sums that are shown, and that cells are whole and not negative.
    """
    enough = RULE.threshold
    values = sums @ cells
    seen = [cells]
    published = optimize.LinearConstraint(sums[shown], values[shown], values[shown])
    for line, value in zip(sums[~shown], values[~shown], strict=True):
        for sign in (1.0, -1.0):
            known = [float(line @ table) for table in seen]
            if max(known) - min(known) + 1 >= enough:
                break
            near = optimize.LinearConstraint(line[None, :], max(0.0, value - 50), value + 50)
            solved = optimize.milp(
                sign * line, constraints=[published, near], integrality=np.ones(len(cells), int)
            )
            assert solved.status == 0, solved.message
            seen.append(np.round(solved.x))
        known = [float(line @ table) for table in seen]
        yield min(round(max(known) - min(known)) + 1, enough)


def attack_table(counts: Counts, tally: Tally, *, bare: bool) -> None:
    """A table by itself; also, if `bare`, with its small counts hidden and nothing else."""
    hidden = suppressed(frequency_table(counts), RULE)
    sums, cells = all_sums(counts.shape), counts.ravel().astype(float)
    small = RULE.few(sums @ cells)
    _note(tally, hidden, small, list(attacked(sums, cells, ~hidden)))
    if bare and small.any():
        known = list(attacked(sums, cells, ~small))
        tally.bare_tables += 1
        tally.bare_exact += known.count(1)
        tally.bare_broken += any(each < RULE.threshold for each in known)


def attack_difference(counts: Counts, tally: Tally, *, before: bool) -> None:
    """A table over all of the first dimension, and one without its last category.

    Parameters
    ----------
    before
        Whether the first table was out, suppressed for itself, before the other was made.
    """
    without, last = counts[:-1].sum(axis=0), counts[-1]
    own = all_sums(without.shape)
    nothing = np.zeros_like(own)
    sums = np.vstack([np.hstack([own, own]), np.hstack([own, nothing]), np.hstack([nothing, own])])
    cells = np.concatenate([without.ravel(), last.ravel()]).astype(float)
    lines = len(own)
    difference = range(2 * lines, 3 * lines)
    out: list[int] = []
    unseen = [*difference]
    if before:
        first = suppressed(frequency_table(counts.sum(axis=0)), RULE)
        out = [int(i) for i in np.flatnonzero(~first)]
        unseen += [int(i) for i in np.flatnonzero(first)]
    hidden = suppressed(entries(sums, cells, known=out, unseen=unseen), RULE)
    shown = ~hidden
    known = np.full(len(sums), RULE.threshold)
    known[~shown] = list(attacked(sums, cells, shown))
    large = np.array([not RULE.small(value) for value in sums @ cells])
    large[: 2 * lines] = False  # large differences may be known
    small = RULE.few(sums @ cells)
    _note(tally, hidden, small, [int(each) for each in known[~shown & ~large]])


def _note(tally: Tally, hidden: Flags, small: Flags, known: Sequence[int]) -> None:
    tally.tables += 1
    tally.entries += len(hidden)
    tally.small += int(small.sum())
    tally.hidden += int(hidden.sum())
    tally.whole += bool(hidden.all())
    tally.exact += list(known).count(1)
    tally.close += sum(each < RULE.threshold for each in known)
    tally.broken += any(each < RULE.threshold for each in known)


def attack(
    tables: int, *, seed: int, bare: bool = True, progress: Callable[[str], None] | None = None
) -> tuple[Tally, Tally]:
    """So many random tables attacked, three in four by themselves, the rest by a difference.

    Parameters
    ----------
    bare
        Whether one in ten is also attacked with its small counts hidden alone.
    progress
        Told the tallies after every thousand tables.
    """
    rng = np.random.default_rng(seed)
    alone, apart = Tally(), Tally()
    for number in range(tables):
        if progress and number % 1000 == 0:
            progress(f"{number:,} tables: broken {alone.broken} and {apart.broken}")
        counts = random_counts(rng)
        if number % 4 == 3:
            if counts.ndim == 2:
                counts = np.stack([counts, rng.poisson(rng.uniform(0.5, 40), counts.shape)])
            attack_difference(counts, apart, before=number % 8 == 7)
        else:
            attack_table(counts, alone, bare=bare and number % 10 == 0)
    return alone, apart


def main() -> None:
    """Print the figures."""
    tables = int(sys.argv[1]) if len(sys.argv) > 1 else TABLES
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else SEED
    assert np.array_equal(all_sums((2, 3)), margins((2, 3)).toarray())
    start = time.process_time()
    found = attack(tables, seed=seed, progress=lambda said: print(said, file=sys.stderr))
    for name, tally in zip(("by themselves", "by difference"), found, strict=True):
        said = ", ".join(f"{f.name} {getattr(tally, f.name):,}" for f in fields(tally))
        print(f"{name}: {said}")
    print(f"{time.process_time() - start:.0f} s of processor time, seed {seed}")


if __name__ == "__main__":
    main()
