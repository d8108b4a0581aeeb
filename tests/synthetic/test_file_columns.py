"""Made-up referrals as a file has them."""

from dataclasses import replace

import numpy as np
import pandas as pd

from sofs_bayes.spec import ChildrenAnalysis, Columns
from sofs_bayes.synthetic.file_columns import referrals_file
from sofs_bayes.synthetic.rows import Rows


def test_dates_fall_within_twelve_months(cla_rows: Rows, icpc_analysis: ChildrenAnalysis) -> None:
    months = replace(
        icpc_analysis,
        records=replace(
            icpc_analysis.records,
            window=replace(icpc_analysis.records.window, days=None, months=12),
        ),
    )
    some = cla_rows.referrals.iloc[:5000]
    file = referrals_file(some, np.ones(len(some)), months, seed=1)
    latest = file["referral_date"] + pd.DateOffset(months=12)
    assert (file["icpc_date"] > file["referral_date"]).all()
    assert (file["icpc_date"] <= latest).all()


def test_an_outcome_may_be_a_flag(icpc_rows: Rows, icpc_analysis: ChildrenAnalysis) -> None:
    columns = Columns(child="id", outcome_flag="conference")
    flagged = replace(icpc_analysis, records=replace(icpc_analysis.records, columns=columns))
    some = icpc_rows.referrals.iloc[:10]
    outcome = np.tile([0.0, 1.0], 5)
    file = referrals_file(some, outcome, flagged, seed=1)
    assert (file["conference"] == outcome).all()
    assert (file["id"] == some["child"]).all()
    assert "icpc_date" not in file


def test_no_outcome_is_no_date(icpc_rows: Rows, icpc_analysis: ChildrenAnalysis) -> None:
    some = icpc_rows.referrals.iloc[:10]
    file = referrals_file(some, np.zeros(10), icpc_analysis, seed=1)
    assert file["icpc_date"].isna().all()
