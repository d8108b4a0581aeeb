"""Coarsened exact matching: strata, weights, the report and the file."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sofs_bayes.errors import BadInput
from sofs_bayes.matching.strata import (
    MatchedSample,
    match,
    match_frame,
    matched_columns,
    read_label,
    read_matched,
    write_matched,
)
from sofs_bayes.spec import ChildrenAnalysis, Levels, fingerprint, load

REFERENCE = Path(__file__).parents[1] / "reference" / "matchit"

# Some ten multiplications and additions of numbers near 1, in another order.
ROUNDING = 1e-12

Floats = npt.NDArray[np.float64]
MakeFrame = Callable[..., pd.DataFrame]

a_row = st.tuples(
    st.sampled_from(["North", "South"]),
    st.integers(0, 1),
    st.integers(0, 1),
    st.sampled_from(["male", "female", "missing"]),
    st.sampled_from(["abuse", "stress", "missing"]),
    st.sampled_from([None, -0.5, 3.0, 4.5, 4.6, 12.5, 12.6, 17.0]),
    st.integers(1, 3),
)
rows = st.lists(a_row, max_size=60)
quick = settings(max_examples=10, deadline=None)


def connected(stacked: pd.DataFrame) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.register("given", stacked.copy())
    connection.execute("CREATE TABLE stacked AS SELECT * FROM given")
    return connection


def interval(age: float) -> int:
    """Below or at 4.5; below or at 12.5; above; unknown."""
    if math.isnan(age):
        return -1
    return (age > 4.5) + (age > 12.5)


def by_hand(stacked: pd.DataFrame, ratio: str) -> dict[int, tuple[Any, float]]:
    """Referral → (its stratum's key, its weight), by dictionaries and loops."""
    keys = {
        row.referral: (row.group, row.post, row.gender, interval(row.age))
        for row in stacked.itertuples()
    }
    sums: dict[Any, dict[int, float]] = defaultdict(lambda: {0: 0.0, 1: 0.0})
    for row in stacked.itertuples():
        sums[keys[row.referral]][row.pilot] += 1 / row.multiplicity
    kept = {key: arms for key, arms in sums.items() if arms[0] and arms[1]}
    found = {}
    for row in stacked.itertuples():
        key = keys[row.referral]
        if key not in kept:
            continue
        share = 1.0
        if row.pilot == 0:
            near = [k for k in kept if ratio == "overall" or k[:2] == key[:2]]
            overall = sum(kept[k][0] for k in near) / sum(kept[k][1] for k in near)
            share = kept[key][1] / kept[key][0] * overall
        found[row.referral] = (key, share / row.multiplicity)
    return found


# ------------------------------------------------------------------------- properties


@quick
@given(rows=rows, ratio=st.sampled_from(["overall", "within group and period"]))
def test_it_is_what_loops_find(
    tiny: ChildrenAnalysis, stacked_of: MakeFrame, rows: list[tuple[Any, ...]], ratio: Any
) -> None:
    stacked = stacked_of(rows)
    analysis = replace(tiny, matching=replace(tiny.matching, ratio=ratio))
    matched = match_frame(stacked, analysis)
    wanted = by_hand(stacked, ratio)
    assert matched["referral"].tolist() == sorted(wanted)
    weights = [wanted[referral][1] for referral in matched["referral"]]
    np.testing.assert_allclose(matched["weight"], weights, rtol=ROUNDING)
    key_of = {
        row.stratum: {wanted[r][0] for r in matched["referral"][matched["stratum"] == row.stratum]}
        for row in matched.itertuples()
    }
    assert all(len(keys) == 1 for keys in key_of.values())
    assert len(set(map(tuple, key_of.values()))) == len(key_of)
    assert sorted(key_of) == list(range(1, len(key_of) + 1))


@quick
@given(rows=rows, seed=st.integers(0, 1000))
def test_own_weights_that_count_balance_and_those_that_replace_are_kept(
    tiny: ChildrenAnalysis, stacked_of: MakeFrame, rows: list[tuple[Any, ...]], seed: int
) -> None:
    records = replace(tiny.records, columns=replace(tiny.records.columns, weight="w"))
    stacked = stacked_of(rows)
    own = np.random.default_rng(seed).uniform(0.2, 5.0, len(stacked))

    def matched(kind: Any, weights: Floats) -> pd.DataFrame:
        matching = replace(tiny.matching, own_weights=kind)
        analysis = replace(tiny, records=records, matching=matching)
        return match_frame(stacked.assign(own_weight=weights), analysis)

    counted = matched("count", own)
    shares = counted.pivot_table(index="stratum", columns="pilot", values="weight", aggfunc="sum")
    shares = shares / shares.sum()
    np.testing.assert_allclose(shares[0], shares[1], rtol=ROUNDING)
    size = (counted["own_weight"] / counted["multiplicity"]).sum()
    np.testing.assert_allclose(counted["weight"].sum(), size, rtol=ROUNDING)
    alike = matched("count", np.full(len(stacked), 2.0))["weight"]
    np.testing.assert_allclose(alike, 2 * match_frame(stacked, tiny)["weight"], rtol=ROUNDING)
    kept = matched("replace", own)
    wanted = kept["own_weight"] / kept["multiplicity"]
    np.testing.assert_allclose(kept["weight"], wanted, rtol=ROUNDING)
    with pytest.raises(BadInput, match="column own_weight: found another value in 1 row"):
        matched("count", np.r_[-1.0, own[1:]])


@quick
@given(rows=rows)
def test_kept_strata_hold_both_arms_and_balance(
    tiny: ChildrenAnalysis, stacked_of: MakeFrame, rows: list[tuple[Any, ...]]
) -> None:
    matched = match_frame(stacked_of(rows), tiny)
    assert (matched.groupby("stratum")["pilot"].nunique() == 2).all()
    shares = matched.pivot_table(index="stratum", columns="pilot", values="weight", aggfunc="sum")
    shares = shares / shares.sum()
    np.testing.assert_allclose(shares[0], shares[1], rtol=ROUNDING)
    size = (1 / matched["multiplicity"]).sum()
    np.testing.assert_allclose(matched["weight"].sum(), size, rtol=ROUNDING)
    assert (matched["weight"] > 0).all()


@quick
@given(rows=rows)
def test_the_ratio_within_keeps_each_group_and_period_at_its_size(
    within: ChildrenAnalysis, stacked_of: MakeFrame, rows: list[tuple[Any, ...]]
) -> None:
    matched = match_frame(stacked_of(rows), within)
    matched["inverse"] = 1 / matched["multiplicity"]
    sums = matched.groupby(["group", "post", "pilot"])[["weight", "inverse"]].sum()
    np.testing.assert_allclose(sums["weight"], sums["inverse"], rtol=ROUNDING)


@quick
@given(rows=rows, seed=st.integers(0, 1000))
def test_the_order_of_rows_does_not_matter(
    tiny: ChildrenAnalysis, stacked_of: MakeFrame, rows: list[tuple[Any, ...]], seed: int
) -> None:
    stacked = stacked_of(rows)
    shuffled = stacked.sample(frac=1, random_state=seed).iloc[::-1]
    pd.testing.assert_frame_equal(match_frame(shuffled, tiny), match_frame(stacked, tiny))


@quick
@given(rows=rows)
def test_what_levels_are_called_does_not_matter(
    tiny: ChildrenAnalysis, stacked_of: MakeFrame, rows: list[tuple[Any, ...]]
) -> None:
    stacked = stacked_of(rows)
    other = {"male": "zebra's", "female": 'an "ape"', "missing": "missing"}
    covariates = tuple(
        replace(each, levels={other[name]: (name,) for name in each.levels}, reference="zebra's")
        if isinstance(each, Levels) and each.name == "gender"
        else each
        for each in tiny.records.covariates
    )
    renamed = replace(tiny, records=replace(tiny.records, covariates=covariates))
    ours = match_frame(stacked, tiny)
    theirs = match_frame(stacked.assign(gender=stacked["gender"].map(other)), renamed)
    np.testing.assert_allclose(theirs["weight"], ours["weight"], rtol=ROUNDING)
    pairs = set(zip(ours["stratum"], theirs["stratum"], strict=True))
    assert len(pairs) == ours["stratum"].nunique() == theirs["stratum"].nunique()


# --------------------------------------------------------------------- against MatchIt


@pytest.mark.parametrize(
    ("cuts", "prefix"),
    [((4.5, 12.5), ""), (tuple(x + 0.95 for x in range(18)), "fine_")],
)
def test_it_is_what_matchit_finds(cuts: tuple[float, ...], prefix: str) -> None:
    analysis = load("icpc-children")
    assert isinstance(analysis, ChildrenAnalysis)
    analysis = replace(analysis, matching=replace(analysis.matching, cuts={"age": cuts}))
    given_rows = pd.read_csv(REFERENCE / "rows.csv", keep_default_na=False, na_values=[""])
    wanted = pd.read_csv(REFERENCE / "weights.csv").set_index("referral")
    covariates = [each.name for each in analysis.records.authority_covariates]
    one_period = given_rows.assign(
        child="c",
        authority="A",
        group="A",
        year=2013,
        years_since=-1,
        referral_date=pd.Timestamp("2013-05-01"),
        outcome=0,
        main_need="missing",
        multiplicity=1,
        post=0,
        **dict.fromkeys(covariates, 0.0),
    )
    # The other period is alike: weights by the ratio overall are those of one of them.
    both = pd.concat([one_period, one_period.assign(post=1, referral=-one_period["referral"])])
    matched = match_frame(both, analysis)
    pre = matched[matched["post"] == 0].set_index("referral")
    kept = wanted[wanted[f"{prefix}weight"] > 0]
    assert list(pre.index) == list(kept.index)
    np.testing.assert_allclose(pre["weight"], kept[f"{prefix}weight"], rtol=ROUNDING)
    pairs = set(zip(pre["stratum"], kept[f"{prefix}subclass"], strict=True))
    assert len(pairs) == pre["stratum"].nunique() == kept[f"{prefix}subclass"].nunique()


# -------------------------------------------------------------------------- the report


@pytest.fixture
def sample(tiny: ChildrenAnalysis, random_stacked: MakeFrame) -> MatchedSample:
    return match(connected(random_stacked(1)), tiny)


def test_the_report_counts_what_was_kept(
    sample: MatchedSample, random_stacked: MakeFrame, tiny: ChildrenAnalysis
) -> None:
    stacked = random_stacked(1)
    matched = match_frame(stacked, tiny)
    for size, frame in ((sample.before, stacked), (sample.after, matched)):
        assert size.rows == len(frame)
        assert size.referrals == frame["referral"].nunique()
        assert size.children == frame["child"].nunique() < size.referrals
    arms = {0: "comparators", 1: "pilots"}
    periods = {0: "pre", 1: "post"}

    def counted(frame: pd.DataFrame) -> dict[tuple[str, str, str], int]:
        return dict(
            Counter((row.group, periods[row.post], arms[row.pilot]) for row in frame.itertuples())
        )

    found = {(each.group, each.period, each.arm): each for each in sample.arms}
    assert {key: each.rows for key, each in found.items()} == counted(stacked)
    assert {key: each.kept for key, each in found.items()} == counted(matched)
    assert sum(each.dropped for each in sample.arms) == len(stacked) - len(matched) > 0
    assert sample.strata == matched["stratum"].nunique()
    assert sample.strata_dropped > 0


def test_it_can_be_done_again_on_one_connection(
    sample: MatchedSample, within: ChildrenAnalysis
) -> None:
    again = match(sample, within)
    assert again.after == sample.after


def test_columns_have_their_types_and_order(tiny: ChildrenAnalysis, stacked_of: MakeFrame) -> None:
    stacked = stacked_of([("North", 0, 1, "missing", "missing", None, 1)] * 2)
    narrow = stacked.astype({"pilot": "int8", "post": "bool", "gender": "category"})
    extra = narrow.assign(left_out=1).set_index(stacked.index + 7)
    matched = match_frame(extra, tiny)
    assert list(matched.columns) == list(matched_columns(tiny))
    assert matched["referral_date"].dtype.kind == "M"
    kinds = {"BIGINT": "i", "DOUBLE": "f"}
    for name, kind in matched_columns(tiny).items():
        if kind in kinds:
            assert matched[name].dtype.kind == kinds[kind], name
    pd.testing.assert_frame_equal(matched, match_frame(stacked, tiny))


# ---------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("pilot", 2, "column pilot: found another value in 1 row; allowed: 0 or 1"),
        ("post", None, "column post: found another value in 1 row; allowed: 0 or 1"),
        ("outcome", -1, "column outcome: found another value in 1 row; allowed: 0 or 1"),
        ("multiplicity", 0, "column multiplicity: found another value in 1 row"),
        ("gender", "Secret", "column gender: found another value in 1 row; allowed: a level"),
        ("need", None, "column need: found another value in 1 row; allowed: a level"),
        ("child", None, "column child: found another value in 1 row; allowed: a value"),
    ],
)
def test_rows_outside_the_contract_are_refused(
    tiny: ChildrenAnalysis, stacked_of: MakeFrame, column: str, value: object, says: str
) -> None:
    stacked = stacked_of([])
    stacked[column] = stacked[column].astype(object)
    stacked.loc[0, column] = value
    with pytest.raises(BadInput, match=says) as refusal:
        match_frame(stacked, tiny)
    assert "Secret" not in str(refusal.value)


def test_a_missing_column_is_refused(tiny: ChildrenAnalysis, stacked_of: MakeFrame) -> None:
    with pytest.raises(BadInput, match="column age: found no such column"):
        match_frame(stacked_of([]).drop(columns="age"), tiny)


def test_no_rows_are_refused(tiny: ChildrenAnalysis, stacked_of: MakeFrame) -> None:
    with pytest.raises(BadInput, match="found no rows"):
        match_frame(stacked_of([]).iloc[:0], tiny)


@pytest.mark.parametrize("lost", ["no counterpart", "no rows"])
def test_a_group_unmatched_in_a_period_is_refused(
    tiny: ChildrenAnalysis, stacked_of: MakeFrame, lost: str
) -> None:
    stacked = stacked_of([])
    there = (stacked["group"] == "South") & (stacked["post"] == 1)
    if lost == "no rows":
        stacked = stacked[~there]
    else:
        stacked.loc[there & (stacked["pilot"] == 1), "gender"] = "female"
    with pytest.raises(BadInput, match="group South, post: found no matched pilots"):
        match_frame(stacked, tiny)


# ---------------------------------------------------------------------------- the file


def test_a_file_holds_the_same_rows_and_its_label(
    tiny: ChildrenAnalysis, random_stacked: MakeFrame, tmp_path: Path
) -> None:
    stacked = random_stacked(2)
    paths = [tmp_path / f"synthetic-{i}.parquet" for i in range(2)]
    for path, frame in zip(paths, (stacked, stacked.iloc[::-1]), strict=True):
        sample = match(connected(frame), tiny)
        write_matched(sample, path, evidence="synthetic", analysis=tiny)
    pd.testing.assert_frame_equal(read_matched(paths[0], tiny), match_frame(stacked, tiny))
    assert paths[0].read_bytes() == paths[1].read_bytes()
    label = read_label(paths[0])
    assert (label.evidence, label.analysis) == ("synthetic", "tiny")
    assert label.analysis_sha256 == fingerprint(tiny)
    assert sorted(tmp_path.iterdir()) == paths


def test_another_analysis_is_refused_unless_allowed(
    sample: MatchedSample, tiny: ChildrenAnalysis, within: ChildrenAnalysis, tmp_path: Path
) -> None:
    path = tmp_path / "matched.parquet"
    write_matched(sample, path, evidence="records", analysis=tiny)
    with pytest.raises(BadInput, match="analysis_sha256: found rows matched for tiny"):
        read_matched(path, within)
    assert len(read_matched(path, within, other_analysis=True)) == sample.after.rows


def test_labels_that_mislead_are_not_written(
    sample: MatchedSample, tiny: ChildrenAnalysis, tmp_path: Path
) -> None:
    for path, evidence, says in (
        (tmp_path / "matched.parquet", "synthetic", 'a file name with "synthetic" in it'),
        (tmp_path / "matched.parquet", "published", "synthetic or records"),
        (tmp_path / "none" / "matched.parquet", "records", "an existing folder"),
    ):
        with pytest.raises(BadInput, match=says):
            write_matched(sample, path, evidence=evidence, analysis=tiny)
    assert not list(tmp_path.iterdir())


def written(connection: duckdb.DuckDBPyConnection, sql: str, path: Path, label: str) -> Path:
    connection.execute(f"COPY ({sql}) TO '{path}' (FORMAT parquet {label})")
    return path


def test_files_that_are_none_are_refused(
    sample: MatchedSample, tiny: ChildrenAnalysis, tmp_path: Path
) -> None:
    path = tmp_path / "matched.parquet"
    with pytest.raises(BadInput, match="no such file"):
        read_matched(path, tiny)
    path.write_text("not Parquet", encoding="utf-8")
    with pytest.raises(BadInput, match="found not Parquet"):
        read_matched(path, tiny)
    written(sample.connection, "FROM matched", path, "")
    with pytest.raises(BadInput, match="evidence: found None"):
        read_matched(path, tiny)
    written(sample.connection, "FROM matched", path, ", KV_METADATA {evidence: 'records'}")
    with pytest.raises(BadInput, match="analysis: found nothing"):
        read_matched(path, tiny)


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("SELECT * REPLACE (0 AS weight) FROM matched", "column weight: .* a number above 0"),
        ("SELECT * REPLACE (-weight AS weight) FROM matched", "column weight"),
        ("SELECT * REPLACE ('nan'::DOUBLE AS weight) FROM matched", "column weight"),
        ("SELECT * REPLACE (NULL AS stratum) FROM matched", "column stratum"),
        ("SELECT * REPLACE ('Secret' AS need) FROM matched", "column need"),
        ("SELECT * EXCLUDE quality FROM matched", "column quality: found no such column"),
    ],
)
def test_files_outside_the_contract_are_refused(
    sample: MatchedSample, tiny: ChildrenAnalysis, tmp_path: Path, sql: str, says: str
) -> None:
    label = (
        ", KV_METADATA {evidence: 'records', analysis: 'tiny',"
        f" analysis_sha256: '{fingerprint(tiny)}'}}"
    )
    path = written(sample.connection, sql, tmp_path / "matched.parquet", label)
    with pytest.raises(BadInput, match=says):
        read_matched(path, tiny)
