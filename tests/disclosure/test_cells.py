"""The disclosure check against an outsider's linear programs, and each of its rules."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from sofs_bayes.cells.dataset import STATES, Cells, frame_of
from sofs_bayes.disclosure import cells as check
from sofs_bayes.disclosure.cells import MOST_PATTERNS, Release, protect
from sofs_bayes.disclosure.outsider import small_counts
from sofs_bayes.disclosure.rules import OutputRule
from sofs_bayes.disclosure.search import Protected
from sofs_bayes.errors import BadInput

Learnt = tuple[int, str, float, float]
ByHand = Callable[..., Cells]
Attack = Callable[..., list[Learnt]]

# What `attack` knows, but for what it knows of weights: a part of what the check takes as known.
TOTALS = ((), ("authority",), ("year",), ("pilot", "post"))

TABLES = 150
# Whole-number programs are slower; real-valued bounds are wider or the same.
WHOLE_TABLES = 25


def state(released: xr.Dataset, kind: str) -> list[str]:
    return [STATES[code] for code in released[f"{kind}_state"].values]


def action(release: Release, rule: str) -> int:
    rows = [row for row in release.log if row.rule.startswith(rule)]
    return min(rows, key=lambda row: len(row.rule)).affected


# ------------------------------------------------------------------------ random tables


def random_cells(of_rows: ByHand, seed: int) -> tuple[Cells, int]:
    """A table of one or two groups, with rare or common events; and a threshold."""
    random = np.random.default_rng(seed)
    years, authorities = random.integers(2, 4), random.integers(1, 4)
    rate = random.choice([0.05, 0.15, 0.5, 0.9])
    size = random.choice([25, 60, 150, 400])
    rows, overlaps = [], []
    for group in ("North", "South")[: random.integers(1, 3)]:
        names = [group, *(f"{group} {k}" for k in range(1, authorities)), "Shared"]
        for name in names:
            for t in range(years):
                n = int(random.poisson(size) + 1)
                rows.append(
                    {
                        "group": group,
                        "authority": name,
                        "pilot": int(name == group),
                        "year": 2012 + t,
                        "post": int(t >= years // 2),
                        "n": n,
                        "events": int(random.binomial(n, rate)),
                    }
                )
    table = pd.DataFrame(rows)
    shared = table.index[table["authority"] == "Shared"].tolist()
    if len(shared) == 2 * years:  # the first group's referrals, but for a few, and some others
        for one, other in zip(shared[:years], shared[years:], strict=True):
            n, events = table.loc[one, ["n", "events"]].astype(int)
            fewer = int(random.integers(0, min(5, n)))
            with_event = min(events, int(random.binomial(fewer, rate)))
            both = n - fewer, events - with_event
            more = int(random.choice([0, 0, 3, 30]))
            others = int(random.binomial(more, rate))
            if both[0] <= 0 or both[1] > both[0] or both[1] < 0:
                continue
            table.loc[other, ["n", "events"]] = [both[0] + more, both[1] + others]
            overlaps.append((*both, [one, other]))
    return of_rows(table, overlaps), int(random.choice([3, 5, 10]))


@pytest.mark.parametrize(
    "block", [0, *(pytest.param(block, marks=pytest.mark.long) for block in range(1, 5))]
)
def test_no_suppressed_count_is_known_to_less_than_the_threshold(
    of_rows: ByHand, attack: Attack, block: int
) -> None:
    protected = 0
    for seed in range(block, TABLES, 5):
        cells, threshold = random_cells(of_rows, seed)
        release = protect(cells, OutputRule(agreed=True, threshold=threshold))
        if release.unprotected:
            continue  # refused as a whole: see test_release
        learnt = attack(cells, release.cells.patterns, threshold)
        for _, _, low, high in learnt:
            assert high - low >= threshold, seed
        if seed < WHOLE_TABLES:
            for _, _, low, high in attack(cells, release.cells.patterns, threshold, whole=True):
                assert high - low >= threshold, seed
        protected += bool(learnt)
    assert protected > 0


@pytest.mark.parametrize("seed", range(0, 40, 4))
def test_published_bounds_are_what_an_outsider_learns_and_hold_the_truth(
    of_rows: ByHand, attack: Attack, seed: int
) -> None:
    cells, threshold = random_cells(of_rows, seed)
    rule = OutputRule(agreed=True, threshold=threshold, totals=TOTALS)
    released = protect(cells, rule).cells.patterns
    for i, kind, low, high in attack(cells, released, threshold):
        assert (released[f"{kind}_low"].values[i], released[f"{kind}_high"].values[i]) == (
            low,
            high,
        )
    for kind in ("n", "events"):
        truth = cells.patterns[kind].values
        shown = released[kind].values
        assert (released[f"{kind}_low"].values <= truth).all()
        assert (truth <= released[f"{kind}_high"].values).all()
        exact = ~np.isnan(shown)
        assert (shown[exact] == truth[exact]).all()
        assert [name == "exact" for name in state(released, kind)] == exact.tolist()


def no_complement(table: Any, targets: Any, width: int, **_: bool) -> Protected:
    return Protected(hidden=table.with_dragged(targets), open=())


def test_a_check_without_complementary_suppression_is_caught(
    of_rows: ByHand, attack: Attack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "protected", no_complement)
    found = 0
    for seed in range(40):
        cells, threshold = random_cells(of_rows, seed)
        released = protect(cells, OutputRule(agreed=True, threshold=threshold)).cells.patterns
        found += any(high == low for _, _, low, high in attack(cells, released, threshold))
    assert found > 3


# ------------------------------------------------------------------------ rule by rule

# Years (inner) of the pilot and three comparators: nothing here is small.
LARGE = [[(200, 40)] * 4] * 4


def changed(row: int, year: int, count: tuple[int, int]) -> list[list[tuple[int, int]]]:
    table = [list(years) for years in LARGE]
    table[row][year] = count
    return table


def test_large_counts_are_released_as_they_are(by_hand: ByHand) -> None:
    release = protect(by_hand(LARGE), OutputRule())
    assert release.suppressed == 0
    assert all(row.affected == 0 for row in release.log)
    assert set(state(release.cells.patterns, "n")) == {"exact"}
    assert release.cells.overlaps is None
    assert "children" not in release.cells.patterns


@pytest.mark.parametrize(
    ("count", "rule", "n_hidden"),
    [
        ((9, 0), "fewer than 10 people", True),
        ((200, 0), "no events", False),
        ((200, 9), "an event of fewer than 10 people", False),
        ((200, 200), "nothing but events", False),
        ((200, 191), "fewer than 10 people without an event", False),
    ],
)
def test_a_small_count_is_suppressed_with_companions(
    by_hand: ByHand, attack: Attack, count: tuple[int, int], rule: str, n_hidden: bool
) -> None:
    cells = by_hand(changed(1, 2, count))
    release = protect(cells, OutputRule())
    released = release.cells.patterns
    assert action(release, rule) == 1
    row = 1 * 4 + 2
    assert state(released, "n")[row] == ("suppressed" if n_hidden else "exact")
    assert state(released, "events")[row] == "suppressed"
    assert np.isnan(released["weighted_events"].values[row])
    assert np.isnan(released["weight"].values[row]) == n_hidden
    # Authority, year, and arm and period all need another one: a square at least.
    assert state(released, "events").count("suppressed") >= 4
    assert release.unprotected == 0
    for _, _, low, high in attack(cells, released, 10):
        assert high - low >= 10


@pytest.mark.parametrize(
    ("count", "hidden"), [((200, 0), False), ((200, 200), False), ((200, 1), True), ((9, 0), True)]
)
def test_zeros_may_be_shown_where_the_custodian_says_so(
    by_hand: ByHand, count: tuple[int, int], hidden: bool
) -> None:
    release = protect(by_hand(changed(1, 2, count)), OutputRule(zeros=True))
    assert (release.suppressed > 0) == hidden


def test_children_count_and_not_their_referrals(by_hand: ByHand) -> None:
    cells = by_hand(LARGE)
    few = cells.patterns["children_with_event"].values.copy()
    few[6] = 9  # 40 events of nine children
    fewer = cells.patterns.assign(children_with_event=("pattern", few))
    release = protect(replace(cells, patterns=fewer), OutputRule())
    assert action(release, "an event of fewer") == 1
    assert state(release.cells.patterns, "events")[6] == "suppressed"


@pytest.mark.parametrize("name", ["children", "children_without_event"])
def test_few_children_of_many_referrals_are_few(by_hand: ByHand, name: str) -> None:
    cells = by_hand(LARGE)
    few = cells.patterns[name].values.copy()
    few[6] = 9
    fewer = cells.patterns.assign({name: ("pattern", few)})
    found = small_counts(replace(cells, patterns=fewer), OutputRule())
    flags = {"children": found.n, "children_without_event": found.others}
    for other, hidden in flags.items():
        assert np.flatnonzero(hidden).tolist() == ([6] if other == name else [])


def overlapping(of_rows: ByHand, both: tuple[int, int], more: tuple[int, int]) -> Cells:
    """Two groups that share a comparator, whose second cell is the first and `more`."""
    rows = []
    for group in ("North", "South"):
        for name in (group, f"{group} 1", "Shared"):
            for year in (2013, 2014):
                pilot = int(name == group)
                row = {"group": group, "authority": name, "pilot": pilot, "year": year}
                rows.append({**row, "post": year - 2013, "n": 300, "events": 60})
    table = pd.DataFrame(rows)
    one, other = table.index[(table["authority"] == "Shared") & (table["year"] == 2013)]
    table.loc[one, ["n", "events"]] = both
    table.loc[other, ["n", "events"]] = np.add(both, more)
    return of_rows(table, [(*both, [int(one), int(other)])])


@pytest.mark.parametrize(
    ("more", "hidden"), [((3, 1), True), ((40, 2), True), ((40, 20), False), ((0, 0), False)]
)
def test_the_difference_between_overlapping_groups_is_protected(
    of_rows: ByHand, more: tuple[int, int], hidden: bool
) -> None:
    """A later window lets a few more referrals in: 500 less 497 would tell of three."""
    release = protect(overlapping(of_rows, (500, 100), more), OutputRule(totals=TOTALS))
    assert release.unprotected == 0
    assert (release.suppressed > 0) == hidden
    assert bool(action(release, "overlapping groups differ")) == hidden


def test_two_sided_differences_tell_nothing(of_rows: ByHand) -> None:
    cells = overlapping(of_rows, (500, 100), (3, 1))
    events = cells.patterns["events"].values.copy()
    n = cells.patterns["n"].values.copy()
    (one,) = np.flatnonzero(n == 500)
    n[one], events[one] = 540, 112  # 40 others, whom the second group lost
    both_sided = cells.patterns.assign(
        n=("pattern", n),
        events=("pattern", events),
        children=("pattern", n),
        children_with_event=("pattern", events),
        children_without_event=("pattern", n - events),
    )
    assert protect(replace(cells, patterns=both_sided), OutputRule()).suppressed == 0


def test_weights_that_tell_a_pilots_count_are_suppressed(by_hand: ByHand) -> None:
    """Comparators are weighted to the pilots: a period with one small pilot cell tells it."""
    table = [[(200, 40), (5, 1)], *[[(200, 40), (200, 40)]] * 3]
    release = protect(by_hand(table), OutputRule(totals=((),)))
    released = frame_of(release.cells.patterns, "pattern")
    assert action(release, "weights would tell") == 3
    telling = released[(released["pilot"] == 0) & (released["post"] == 1)]
    assert telling[["weight", "weight_squared", "weighted_events"]].isna().all(axis=None)
    others = released[(released["pilot"] == 0) & (released["post"] == 0) & released["n"].notna()]
    assert len(others) >= 2
    assert others["weight"].notna().all()


def of_two_weights(cells: Cells, few: int, few_events: int) -> Cells:
    """Half of each comparator's referrals weigh 1.5 and the others 0.5; in one pattern, a few."""
    patterns = cells.patterns
    rows = []
    counts = zip(patterns["n"].values, patterns["events"].values, strict=True)
    for i, (n, events) in enumerate(counts):
        heavy = (0, 0) if patterns["pilot"].values[i] else (n // 2, events // 2)
        if i == len(patterns["n"]) - 1:
            heavy = few, few_events
        rows += [(1.5, *heavy, i), (0.5, n - heavy[0], events - heavy[1], i)]
    names = ("weight", "n", "events", "of_pattern")
    columns = zip(*[row for row in rows if row[1]], strict=True)
    weights = {name: ("rows", np.array(v)) for name, v in zip(names, columns, strict=True)}
    return replace(cells, weights=xr.Dataset(weights))


@pytest.mark.parametrize(
    ("few", "hidden", "events_hidden"),
    [((4, 2), True, True), ((0, 0), True, True), ((50, 4), False, True), ((60, 20), False, False)],
)
def test_sums_of_few_weights_tell_no_few(
    by_hand: ByHand, few: tuple[int, int], hidden: bool, events_hidden: bool
) -> None:
    """Of 300 referrals with two known weights n and the weights' sum are two equations."""
    cells = of_two_weights(by_hand([[(300, 60), (300, 60)]] * 4), *few)
    release = protect(cells, OutputRule(totals=((),)))
    rows = frame_of(release.cells.patterns, "pattern")
    comparators = rows[rows["pilot"] == 0]
    there, other = comparators[comparators["post"] == 1], comparators[comparators["post"] == 0]
    assert there[["weight", "weight_squared"]].isna().all(axis=None) == hidden
    assert there["weighted_events"].isna().all() == (hidden or events_hidden)
    assert other[["weight", "weighted_events"]].notna().all(axis=None)
    assert rows["n"].notna().all()
    assert bool(action(release, "sums of few weights")) == hidden


def test_sums_of_many_weights_are_no_equations(by_hand: ByHand) -> None:
    cells = of_two_weights(by_hand([[(300, 60), (300, 60)]] * 4), 4, 2)
    assert cells.weights is not None
    many = cells.weights.assign(weight=("rows", 1.0 + np.arange(cells.weights.sizes["rows"])))
    release = protect(replace(cells, weights=many), OutputRule(totals=((),)))
    assert release.suppressed == 0
    assert np.isfinite(release.cells.patterns["weight"]).all()


STRATA = np.array([0.45, 0.8, 1.3, 2.15])  # weights, known from the pilots' counts


def of_four_weights(cells: Cells, few: int) -> Cells:
    """Comparators in four strata, events alike; of the last pattern's rows few weigh least."""
    patterns, rows = cells.patterns, []
    n, pilot = patterns["n"].values, patterns["pilot"].values
    for i, (count, events) in enumerate(zip(n, patterns["events"].values, strict=True)):
        strata = np.array([few if i == len(n) - 1 else 20, 15, 25, 0], dtype=np.int64)
        strata[3] = count - strata.sum()
        own = np.array([count, 0, 0, 0]) if pilot[i] else strata
        with_event = own * events // count
        with_event[own.argmax()] += events - with_event.sum()
        weights = np.where(pilot[i], 1.0, STRATA)
        rows += [each for each in zip(weights, own, with_event, [i] * 4, strict=True) if each[1]]
    columns = zip(*rows, strict=True)
    names = ("weight", "n", "events", "of_pattern")
    by_weight = {name: np.array(values) for name, values in zip(names, columns, strict=True)}
    weight, of = by_weight["weight"], by_weight["of_pattern"]
    sums = {
        "weight": np.bincount(of, weight * by_weight["n"]),
        "weighted_events": np.bincount(of, weight * by_weight["events"]),
        "weight_squared": np.bincount(of, weight**2 * by_weight["n"]),
    }
    return replace(
        cells,
        patterns=patterns.assign({name: ("pattern", values) for name, values in sums.items()}),
        weights=xr.Dataset({name: ("rows", values) for name, values in by_weight.items()}),
    )


def admissible(patterns: xr.Dataset, row: int, step: float) -> set[int]:
    """Numbers with the smallest weight that whole-number search finds from a pattern's sums."""
    n = int(patterns["n"].values[row])
    first = np.stack(np.meshgrid(*[np.arange(n + 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    strata = np.column_stack([first, n - first.sum(axis=1)])
    strata = strata[strata[:, 3] >= 0]
    fits = np.abs(strata @ STRATA - patterns["weight"].values[row]) <= step / 2 + 1e-6
    if not step:
        fits &= np.abs(strata @ STRATA**2 - patterns["weight_squared"].values[row]) <= 1e-6
    return set(strata[fits, 0].tolist())


def test_sums_of_many_weights_tell_a_search_nothing(by_hand: ByHand) -> None:
    """n, Σw and Σw² of known weights have one solution in whole numbers; coarse sums have not."""
    cells = of_four_weights(by_hand([[(80, 30), (80, 30)]] * 4), 3)
    release = protect(cells, OutputRule(totals=((),)))
    shown = release.cells.patterns
    last = cells.patterns.sizes["pattern"] - 1
    assert len(admissible(cells.patterns, last, 0.0)) < 3
    assert np.isfinite(shown["weight"].values[last])
    assert len(admissible(shown, last, STRATA[-1] - STRATA[0])) >= OutputRule().threshold
    assert action(release, "exact sums of weights") == 6


def test_coarse_sums_are_those_of_weights_that_can_be(by_hand: ByHand) -> None:
    cells = of_four_weights(by_hand([[(80, 30), (81, 69)], [(90, 11), (70, 30)]] * 3), 3)
    true = cells.patterns
    shown = protect(cells, OutputRule(totals=((),))).cells.patterns
    pilots = true["pilot"].values == 1
    least, most = (np.where(pilots, 1.0, STRATA[i]) for i in (0, -1))
    counts = [true["n"], true["events"], true["n"] - true["events"]]
    sums = [shown["weight"], shown["weighted_events"], shown["weight"] - shown["weighted_events"]]
    for count, total in zip(counts, sums, strict=True):
        assert (total.values >= count.values * least - 1e-9).all()
        assert (total.values <= count.values * most + 1e-9).all()
    for name in ("weight", "weighted_events"):
        assert np.abs(shown[name] - true[name]).max() <= STRATA[-1] - STRATA[0]
        np.testing.assert_array_equal(shown[name].values[pilots], true[name].values[pilots])
    total, exact = (float(of["weight_squared"].sum()) for of in (shown, true))
    assert total == pytest.approx(exact, rel=0.01)


def test_totals_that_are_small_are_named_for_the_custodian(by_hand: ByHand) -> None:
    table = [[(200, 40)] * 4, [(200, 40)] * 4, [(200, 1)] * 4]
    release = protect(by_hand(table), OutputRule())
    (row,) = [row for row in release.log if row.rule.startswith("totals by authority")]
    assert row.affected == 1
    assert "elsewhere" in row.action


def test_what_totals_give_away_is_counted_and_not_released(by_hand: ByHand) -> None:
    """One authority alone in a year: its events are the year's, which may be known."""
    release = protect(by_hand([[(200, 40), (200, 40)], [(200, 9), (200, 40)]]), OutputRule())
    assert release.unprotected > 0
    assert action(release, "bounds still narrower") == release.unprotected
    assert release.cells.patterns.attrs["unprotected"] == release.unprotected


@pytest.mark.parametrize("base", [3, 5, 10])
def test_rounded_counts_have_the_bounds_of_rounding(by_hand: ByHand, base: int) -> None:
    cells = by_hand(changed(1, 2, (203, 7)))
    released = protect(cells, OutputRule(round_to=base)).cells.patterns
    truth = frame_of(cells.patterns, "pattern")
    for kind in ("n", "events"):
        shown, low, high = (released[name].values for name in (kind, f"{kind}_low", f"{kind}_high"))
        kept = ~np.isnan(shown)
        assert (shown[kept] % base == 0).all()
        assert (low <= truth[kind]).all()
        assert (truth[kind] <= high).all()
        assert (high - low)[kept].max() <= 2 * (base // 2)
        assert (low[~kept] % base == 0).all()
        assert "exact" not in state(released, kind)
    weight, n = released["weight"].values, released["n"].values
    kept = ~np.isnan(weight)
    np.testing.assert_allclose(weight[kept], n[kept])  # all weights are 1 here


def test_a_finer_base_than_two_or_a_threshold_of_one_is_no_rule() -> None:
    with pytest.raises(BadInput, match="threshold"):
        OutputRule(agreed=True, threshold=1)
    with pytest.raises(BadInput, match="round_to"):
        OutputRule(round_to=11)


def test_cells_that_cannot_be_judged_are_refused(by_hand: ByHand) -> None:
    cells = by_hand(LARGE)
    with pytest.raises(BadInput, match="not counted for a release"):
        protect(replace(cells, overlaps=None), OutputRule())
    with pytest.raises(BadInput, match="released already"):
        protect(protect(cells, OutputRule()).cells, OutputRule())
    many = cells.patterns.isel(pattern=np.zeros(MOST_PATTERNS + 1, dtype=int))
    with pytest.raises(BadInput, match=f"{MOST_PATTERNS + 1:,} patterns"):
        protect(replace(cells, patterns=many), OutputRule())
