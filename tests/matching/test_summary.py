"""Summary statistics by arm, before and after matching."""

import math
from collections.abc import Callable

import duckdb
import pandas as pd
import pytest

from sofs_bayes.matching.strata import match, match_frame
from sofs_bayes.matching.summary import SummaryRow, summary
from sofs_bayes.spec import ChildrenAnalysis

# Numbers have one decimal here, so nothing is lost at a millionth; sums of 400 in another order.
ROUNDING = 1e-12

MakeFrame = Callable[..., pd.DataFrame]
Key = tuple[str, str, str, str]


def summary_of(stacked: pd.DataFrame, analysis: ChildrenAnalysis) -> tuple[SummaryRow, ...]:
    with duckdb.connect() as connection:
        connection.register("given", stacked)
        connection.execute("CREATE TABLE stacked AS SELECT * FROM given")
        return summary(match(connection, analysis), analysis)


def by_hand(frame: pd.DataFrame, weights: pd.Series) -> dict[tuple[str, str, str], float]:
    """Variable, level and arm → value, of the covariates of the small analysis."""
    found = {}
    for arm, pilot in (("pilots", 1), ("comparators", 0)):
        arm_rows = frame[frame["pilot"] == pilot]
        rows = arm_rows[arm_rows["post"] == 0]
        w = weights[rows.index]
        found["outcome", "", arm] = 100 * (w * rows["outcome"]).sum() / w.sum()
        for name, levels in (
            ("gender", ("male", "female", "missing")),
            ("need", ("abuse", "stress", "other", "missing")),
        ):
            for level in levels:
                found[name, level, arm] = 100 * w[rows[name] == level].sum() / w.sum()
        known = rows["age"].notna()
        found["age", "", arm] = (w * rows["age"])[known].sum() / w[known].sum()
        found["rows", "pre", arm] = len(rows)
        found["rows", "all periods", arm] = len(arm_rows)
    return found


@pytest.mark.parametrize("seed", [1, 2])
def test_it_is_what_pandas_finds(
    tiny: ChildrenAnalysis, random_stacked: MakeFrame, seed: int
) -> None:
    stacked = random_stacked(seed)
    matched = match_frame(stacked, tiny)
    wanted = {
        "before": by_hand(stacked, pd.Series(1.0, index=stacked.index)),
        "matched": by_hand(matched, pd.Series(1.0, index=matched.index)),
        "weighted": by_hand(matched, matched["weight"]),
    }
    rows = summary_of(stacked, tiny)
    found: dict[str, dict[tuple[str, str, str], float]] = {stage: {} for stage in wanted}
    for row in rows:
        found[row.stage][row.variable, row.level, row.arm] = row.value
    for stage, values in wanted.items():
        assert found[stage] == pytest.approx(values, rel=ROUNDING)
    assert len(rows) == sum(map(len, wanted.values()))


def test_rows_stand_in_the_analysis_s_order(
    tiny: ChildrenAnalysis, random_stacked: MakeFrame
) -> None:
    rows = summary_of(random_stacked(1), tiny)
    headings = list(dict.fromkeys((row.variable, row.level) for row in rows))
    assert headings == [
        ("outcome", ""),
        ("gender", "male"),
        ("gender", "female"),
        ("gender", "missing"),
        ("age", ""),
        ("need", "abuse"),
        ("need", "stress"),
        ("need", "other"),
        ("need", "missing"),
        ("rows", "pre"),
        ("rows", "all periods"),
    ]
    assert [row.arm for row in rows[:4]] == ["pilots", "comparators"] * 2
    assert list(dict.fromkeys(row.stage for row in rows)) == ["before", "matched", "weighted"]
    units = {row.variable: row.unit for row in rows}
    assert units == {
        "outcome": "percent",
        "gender": "percent",
        "age": "years",
        "need": "percent",
        "rows": "rows",
    }


def test_matched_levels_agree_between_the_arms_once_weighted(
    tiny: ChildrenAnalysis, random_stacked: MakeFrame
) -> None:
    """Gender is matched exactly; need is not, and the pilots' needs are others."""
    shares = {
        (row.variable, row.level, row.arm): row.value
        for row in summary_of(random_stacked(3), tiny)
        if row.stage == "weighted"
    }
    for level in ("male", "female", "missing"):
        pilots, comparators = (shares["gender", level, arm] for arm in ("pilots", "comparators"))
        assert pilots == pytest.approx(comparators, rel=ROUNDING)
    assert shares["need", "abuse", "pilots"] > shares["need", "abuse", "comparators"] + 10


def test_the_order_of_rows_changes_no_bit(
    tiny: ChildrenAnalysis, random_stacked: MakeFrame
) -> None:
    stacked = random_stacked(3)
    assert summary_of(stacked.sample(frac=1, random_state=4), tiny) == summary_of(stacked, tiny)


def test_a_number_nobody_has_has_no_mean(tiny: ChildrenAnalysis, stacked_of: MakeFrame) -> None:
    rows = summary_of(stacked_of([]).assign(age=math.nan), tiny)
    means = [row for row in rows if row.variable == "age"]
    assert len(means) == 6
    assert all(math.isnan(row.value) and row.rows == 0 for row in means)
