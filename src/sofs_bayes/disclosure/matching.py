"""What matching writes about children, as rows → the rows that may leave."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sofs_bayes.disclosure.arm_counts import ArmCount
from sofs_bayes.disclosure.authorities import PERIODS
from sofs_bayes.disclosure.ledger import Count, CountTable
from sofs_bayes.disclosure.rules import OutputRule
from sofs_bayes.disclosure.search import entries, protected

ARMS = ("pilots", "comparators")
STAGES = ("before", "matched")
PERIODS_OF = ("pre", "post")  # as matching calls them
PRE_AND_ALL = ("pre", "all periods")  # the counts of a summary's rows
NUMBERS = ("rows", "referrals", "children")
Place = tuple[str, ...]  # what an entry is shown as


def cleared_balance(rows: Sequence[Any], rule: OutputRule) -> list[Any]:
    """`BalanceRow`s without those whose rows of an arm, kept or dropped, are too few.

    Rows before matching less matched rows are those that were dropped. The totals over all
    groups count as known where the summary beside the balance shows them.
    """
    kept_out: set[Place] = set()
    for arm in ARMS:
        shown: dict[Place, int] = {
            (row.stage, row.period, row.group): getattr(row, arm)
            for row in rows
            if row.stage in STAGES
        }
        of = [
            {stage: shown.get((stage, period, "all"), 0) for stage in STAGES}
            for period in (*PERIODS_OF, "all")
        ]
        known = [] if any(_few(each, rule) for each in of) else [*PERIODS_OF, "all"]
        out = [(stage, period, "all") for stage in STAGES for period in known]
        kept_out |= _hidden(shown, rule, total=("all",), out=out)
    out = [row for row in rows if not {(s, row.period, row.group) for s in STAGES} & kept_out]
    return [_without_small_share(row, rule) for row in out]


def _without_small_share(row: Any, rule: OutputRule) -> Any:
    """The row without the share of pilots who are supported, where few are or few are not."""
    if math.isnan(row.pilots_supported):  # taken out already, or of no pilots
        return row
    share = min(max(row.pilots_supported, 0.0), 100.0)
    supported = round(row.pilots * share / 100)
    few = rule.small(supported) or 0 < row.pilots - supported < rule.threshold
    return replace(row, pilots_supported=float("nan")) if few else row


def cleared_summary(rows: Sequence[Any], rule: OutputRule) -> list[Any]:
    """`SummaryRow`s without levels that too few children have, or had before matching dropped them.

    Levels of a covariate add up to the rows of the arm, so that one more is hidden where one is;
    so do those whose number is known and those whose is not. Percentages go with their counts,
    weighted ones too: comparators are weighted to the pilots' levels.
    """
    hidden: set[Place] = set()
    for arm in dict.fromkeys(row.arm for row in rows):
        hidden |= {("rows", arm, level) for level in _small_totals(rows, arm, rule)}
    places = dict.fromkeys((row.variable, row.arm) for row in rows if row.variable != "rows")
    for variable, arm in places:
        own = [row for row in rows if (row.variable, row.arm) == (variable, arm)]
        shown: dict[Place, int] = {
            (row.stage, row.level): row.rows for row in own if row.stage in STAGES
        }
        number = own[0].unit != "percent"
        if variable == "outcome" or number:
            for stage in STAGES:
                total = _rows_of(rows, stage, arm)
                if ((stage, "") in shown) and total is not None:
                    shown[stage, "rest"] = total - shown[stage, ""]
        found = _hidden(shown, rule, total=(), none=number)
        hidden |= {(variable, arm, level) for _, level in found if level != "rest"}
        if any(level == "rest" for _, level in found):
            hidden.add((variable, arm, ""))
    return [row for row in rows if not hidden & {(v, arm, at) for _, arm, v, at in places_of(row)}]


def _small_totals(rows: Sequence[Any], arm: str, rule: OutputRule) -> set[str]:
    """Which counts of an arm's rows would tell few that matching kept or dropped in a period."""
    own = [row for row in rows if (row.variable, row.arm) == ("rows", arm)]
    shown: dict[Place, int] = {(row.stage, row.level): row.rows for row in own}
    of = [{stage: shown.get((stage, level), 0) for stage in STAGES} for level in PRE_AND_ALL]
    after = {stage: of[1][stage] - of[0][stage] for stage in STAGES}
    if _few(of[0], rule):
        return {*PRE_AND_ALL}
    return {PRE_AND_ALL[1]} if _few(after, rule) else set()


def _few(shown: dict[str, int], rule: OutputRule) -> bool:
    """Whether rows are few that matching kept, or dropped; nobody dropped is no secret."""
    dropped = shown["before"] - shown["matched"]
    return rule.small(shown["matched"]) or 0 < dropped < rule.threshold


def _rows_of(rows: Sequence[Any], stage: str, arm: str) -> int | None:
    """The rows that an arm's percentages are of: those of its first line of rows."""
    own = (r.rows for r in rows if (r.variable, r.stage, r.arm) == ("rows", stage, arm))
    return next(own, None)


def _hidden(
    shown: dict[Place, int],
    rule: OutputRule,
    *,
    total: tuple[str, ...],
    out: Sequence[Place] = (),
    none: bool = False,
) -> set[Place]:
    """Places to hide, at whichever stage; their numbers before, matched, and dropped.

    Parameters
    ----------
    total
        The label that stands for all in a place's parts; levels always add up to a known total.
    out
        Places that are known otherwise, at a stage.
    none
        Whether a count of none is no secret.
    """
    places = list(dict.fromkeys(place[1:] for place in shown))
    finest = [place for place in places if not set(place) & set(total)]
    size = len(finest)
    kept = np.array([shown.get(("matched", *p), 0) for p in finest], dtype=float)
    dropped = np.array([shown.get(("before", *p), 0) for p in finest], dtype=float) - kept
    rows: list[Any] = []
    names: list[Place] = []
    unseen: list[int] = []
    known: list[int] = []
    for place in places:
        here = np.array([_inside(p, place, total) for p in finest], dtype=float)
        for stage, of_kept, of_dropped in (
            ("before", 1.0, 1.0),
            ("matched", 1.0, 0.0),
            ("dropped", 0.0, 1.0),
        ):
            if stage == "dropped":
                unseen.append(len(rows))
            if (stage, *place) in out:
                known.append(len(rows))
            rows.append(np.concatenate([of_kept * here, of_dropped * here]))
            names.append((stage, *place))
    if not total:  # the total of all levels is known, and no level's
        for of_kept, of_dropped in ((1.0, 1.0), (1.0, 0.0)):
            known.append(len(rows))
            rows.append(np.concatenate([np.full(size, of_kept), np.full(size, of_dropped)]))
            names.append(())
    if not size:
        return set()
    cells = np.concatenate([kept, np.maximum(dropped, 0)])
    table = entries(np.array(rows), cells, known=known, unseen=unseen)
    values = table.values
    # Nobody dropped is no secret of anybody's: all who were there are counted.
    secret = [v > 0 or not (none or i in unseen) for i, v in enumerate(values)]
    targets = rule.few(values) & np.array(secret)
    found = protected(table, targets & ~table.known, rule.threshold)
    seen = ~table.unseen & ~table.known
    hidden = seen if found.open else found.hidden & seen
    return {(stage, *names[i][1:]) for i in np.flatnonzero(hidden) for stage in STAGES}


def _inside(finest: Place, place: Place, total: tuple[str, ...]) -> bool:
    return all(a == b or b in total for a, b in zip(finest, place, strict=True))


def cleared_terms(rows: Sequence[Any], rule: OutputRule) -> list[Any]:
    """`TermRow`s of regressions with enough residual degrees of freedom, and no telling twins.

    Two regressions whose numbers of rows, referrals or children differ by a few would tell
    those few: the later one goes. So does a row without a term: why a regression has no estimate
    may tell of a few children.
    """
    out: list[Any] = []
    names = dict.fromkeys(row.regression for row in rows if row.term)
    known: list[Any] = []
    for name in names:
        own = [row for row in rows if row.regression == name]
        first = own[0]
        free = min(row.children for row in own) - len(own)
        apart = any(
            0 < abs(getattr(first, what) - getattr(other, what)) < rule.threshold
            for other in known
            for what in ("rows", "referrals", "children")
        )
        if free >= rule.degrees_of_freedom and not apart:
            out += own
            known.append(first)
    return out


def cleared_further(rows: Sequence[Any], rule: OutputRule) -> list[Any]:
    """`FurtherEffect`s of regressions with enough rows, whose numbers differ by enough."""
    known: list[int] = []
    for row in rows:
        if row.rows >= rule.threshold + rule.degrees_of_freedom and not any(
            0 < abs(row.rows - other) < rule.threshold for other in known
        ):
            known.append(row.rows)
    return [row for row in rows if row.rows in known]


Cleared = Callable[[Sequence[Any], OutputRule], list[Any]]


# ------------------------------------------------------------------- what the ledger is to know


def places_of(row: Any) -> list[tuple[str, ...]]:
    """The places of a row's counts, as the ledger has them; weights go with matched rows."""
    stage = getattr(row, "stage", "").replace("weighted", "matched")
    if hasattr(row, "pilots"):
        return [(stage, row.period, row.group, arm) for arm in ARMS]
    if hasattr(row, "variable"):
        own = (stage, row.arm, row.variable, row.level)
        to_pilots = row.stage == "weighted" and row.level and row.variable != "rows"
        return [own, (stage, ARMS[0], *own[2:])] if to_pilots else [own]
    return [(row.regression, what) for what in NUMBERS if hasattr(row, what)]


def _table(
    name: str, dims: tuple[str, ...], rows: Sequence[Any], kept: Sequence[Any], numbers: str
) -> CountTable:
    shown = {place for row in kept for place in places_of(row)}
    counts: dict[tuple[str, ...], Count] = {}
    for row in rows:
        if getattr(row, "stage", "") == "weighted":
            continue
        for place in places_of(row):
            n = getattr(row, numbers or place[-1])
            hidden = "" if place in shown else "all"
            counts[place] = Count(place=place, children=int(n), hidden=hidden)
    return CountTable(name=name, dims=dims, counts=tuple(counts.values()))


def balance_table(rows: Sequence[Any], kept: Sequence[Any]) -> CountTable:
    """The counts of `BalanceRow`s, and which of them leave."""
    return _table("balance", ("stage", "period", "group", "arm"), rows, kept, "")


def summary_table(rows: Sequence[Any], kept: Sequence[Any]) -> CountTable:
    """The counts of `SummaryRow`s, and which of them leave."""
    return _table("summary", ("stage", "arm", "variable", "level"), rows, kept, "rows")


def terms_table(rows: Sequence[Any], kept: Sequence[Any]) -> CountTable:
    """The numbers behind the regressions of `TermRow`s, and which of them leave."""
    return _table("regressions", ("regression", "number"), rows, kept, "")


def further_table(rows: Sequence[Any], kept: Sequence[Any]) -> CountTable:
    """The numbers behind the regressions of `FurtherEffect`s, and which of them leave."""
    return _table("effects beside", ("regression", "number"), rows, kept, "")


def arms_of_balance(table: CountTable) -> tuple[ArmCount, ...]:
    """Matched rows of each arm before and after, as far as a balance shows them."""
    return tuple(
        ArmCount(
            arm=count.place[3].removesuffix("s"),
            year=PERIODS[PERIODS_OF.index(count.place[1])],
            children=count.children,
            events=0,
            exact=False,
        )
        for count in table.counts
        if not count.hidden
        and (count.place[0], count.place[2]) == ("matched", "all")
        and count.place[1] in PERIODS_OF
    )
