"""Multiple imputation: what is imputed, from what, and whether it finds what was taken away."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import logit

from sofs_bayes.errors import BadInput
from sofs_bayes.frequentist.did import fit
from sofs_bayes.frequentist.imputation import (
    DONORS,
    draw_level,
    draw_number,
    fit_imputed,
    impute,
    missing_shares,
    usable,
)
from sofs_bayes.spec import ChildrenAnalysis, Levels, Regression

DID = Regression(name="did", model="linear")


@pytest.fixture
def complete(matched: pd.DataFrame) -> pd.DataFrame:
    known = matched["age"].notna() & (matched["disabled"] != "missing")
    return matched[known]


def test_shares_are_of_referrals(matched: pd.DataFrame, analysis: ChildrenAnalysis) -> None:
    once = matched.drop_duplicates("referral")
    assert missing_shares(matched, analysis) == {
        "age": once["age"].isna().mean(),
        "disabled": (once["disabled"] == "missing").mean(),
    }


def test_missing_values_are_filled_and_others_kept(
    matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    before = matched.copy()
    imputed = impute(matched, analysis)
    assert imputed.count == 5
    tables = [imputed.completed(number) for number in range(5)]
    for table in tables:
        absent = matched["age"].isna()
        assert table["age"][~absent].equals(matched["age"][~absent])
        assert set(table["age"][absent]) <= set(matched["age"][~absent])  # matched, not made
        absent = matched["disabled"] == "missing"
        assert table["disabled"][~absent].equals(matched["disabled"][~absent])
        assert set(table["disabled"][absent]) <= {"no", "yes"}
        pairs = table[["referral", "age", "disabled"]].drop_duplicates()
        assert len(pairs) == table["referral"].nunique()  # the same in all groups
        rest = table.columns.drop(["age", "disabled"])
        pd.testing.assert_frame_equal(table[rest], matched[rest])
        assert table.dtypes.equals(matched.dtypes)
    assert not tables[0]["age"].equals(tables[1]["age"])
    pd.testing.assert_frame_equal(matched, before)


def test_seed_decides_and_the_order_of_rows_does_not(
    matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    usual = impute(matched, analysis).completed(3)
    shuffled = impute(matched.sample(frac=1, random_state=9), analysis).completed(3)
    pd.testing.assert_frame_equal(shuffled.sort_index(), usual)
    assert impute(matched, analysis).completed(3).equals(usual)
    other = impute(matched, analysis, seed=1).completed(3)
    assert not other["age"].equals(usual["age"])


def test_with_nothing_missing_nothing_happens(
    complete: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    imputed = impute(complete, analysis)
    assert imputed.count == 1
    assert imputed.completed(0) is complete
    assert imputed.analysis is analysis
    pooled, plain = fit_imputed(imputed, DID), fit(complete, analysis, DID)
    assert pooled.table().equals(plain.table())
    assert pooled.imputations == 0


def test_a_covariate_mostly_missing_is_dropped_by_name(
    matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    mostly = matched.assign(age=matched["age"].where(matched["referral"] % 3 == 0))
    imputed = impute(mostly, analysis)
    assert imputed.dropped == ("age",)
    assert imputed.analysis.regressions.covariates == ("gender", "disabled")
    assert analysis.regressions.covariates == ("gender", "age", "disabled")
    found = fit_imputed(imputed, DID)
    assert "age" in found.dropped
    assert "age" not in found.terms
    generous = replace(analysis.regressions, highest_missing_share=0.9)
    assert impute(mostly, replace(analysis, regressions=generous)).dropped == ()


def test_fits_are_pooled(matched: pd.DataFrame, analysis: ChildrenAnalysis) -> None:
    imputed = impute(matched, analysis)
    found = fit_imputed(imputed, DID, correction="CR2")
    fits = [fit(imputed.completed(number), analysis, DID, correction="CR2") for number in range(5)]
    assert found.imputations == 5
    assert "disabled: missing" not in found.terms
    mean = np.mean([each.coefficient("disabled: yes") for each in fits])
    assert found.coefficient("disabled: yes") == pytest.approx(mean)
    least = np.mean([each.standard_error("disabled: yes") ** 2 for each in fits])
    assert found.standard_error("disabled: yes") ** 2 > least


def test_three_levels_are_refused(matched: pd.DataFrame, analysis: ChildrenAnalysis) -> None:
    covariates = tuple(
        replace(each, missing="impute") if each.name == "gender" else each
        for each in analysis.records.covariates
        if isinstance(each, Levels) or each.name == "age"
    )
    asked = replace(analysis, records=replace(analysis.records, covariates=covariates))
    gaps = matched.assign(gender=matched["gender"].where(matched.index % 50 > 0, "missing"))
    with pytest.raises(BadInput, match='gender: found missing = "impute" with 3 levels'):
        impute(gaps, asked)


def test_one_level_alone_is_refused(matched: pd.DataFrame, analysis: ChildrenAnalysis) -> None:
    alike = matched.assign(disabled=matched["disabled"].replace("yes", "no"))
    with pytest.raises(BadInput, match="disabled: found one level alone"):
        impute(alike, analysis)


# ---------------------------------------------------------------------------------- the draws


def test_a_number_is_drawn_from_the_nearest() -> None:
    """Without noise the means are the values: each draw is among the five nearest values."""
    x = np.linspace(0.0, 10.0, 201)
    seen = np.column_stack([np.ones(201), x])
    noise = 1e-6 * np.cos(np.arange(201))
    absent = np.column_stack([np.ones(50), np.linspace(0.0, 10.0, 50)])
    found = draw_number(3 * x + noise, seen, absent, np.random.default_rng(0))
    away = np.abs(found / 3 - absent[:, 1])
    assert away.max() < 0.05 * DONORS
    assert away.max() > 0.05  # and not always the nearest one


def few_rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values, predictors of 14 observed referrals, and of one that lacks the number."""
    rng = np.random.default_rng(0)
    seen = np.column_stack([np.ones(14), rng.normal(size=(14, 10))])
    return rng.permutation(14.0 * np.arange(14)), seen, np.r_[1.0, rng.normal(size=10)][None]


def test_a_drawn_mean_has_students_t_about_the_fitted_one() -> None:
    """Each observed referral serves as often as it is among the nearest to such means."""
    values, seen, absent = few_rows()
    coefficients = np.linalg.lstsq(seen, values)[0]
    left = len(values) - seen.shape[1]
    variance = ((values - seen @ coefficients) ** 2).sum() / left
    spread = np.sqrt(variance * (absent @ np.linalg.inv(seen.T @ seen) @ absent.T)[0, 0])
    chances = (np.arange(5000) + 0.5) / 5000
    means = (absent @ coefficients)[0] + spread * stats.t(left).ppf(chances)
    near = np.argsort(np.abs(seen @ coefficients - means[:, None]), axis=1)[:, :DONORS]
    expected = np.bincount(near.ravel(), minlength=len(values)) / near.size
    rng = np.random.default_rng(1)
    drawn = np.array([draw_number(values, seen, absent, rng)[0] for _ in range(2000)])
    found = (drawn[:, None] == values).mean(axis=0)
    assert found == pytest.approx(expected, abs=4 * np.sqrt(0.2 * 0.8 / 2000))


class Certain(np.random.Generator):
    """Draws no residual variance."""

    def chisquare(self, df: float) -> float:  # type: ignore[override]
        assert df == 3
        return np.inf


def test_the_residual_variance_is_drawn_too() -> None:
    values, seen, absent = few_rows()
    fitted = seen @ np.linalg.lstsq(seen, values)[0]
    mean = (absent @ np.linalg.lstsq(seen, values)[0])[0]
    rng = Certain(np.random.PCG64(1))
    found = {float(draw_number(values, seen, absent, rng)[0]) for _ in range(100)}
    assert found == set(values[np.argsort(np.abs(fitted - mean))[:DONORS]].tolist())


def test_too_few_to_impute_a_number_from_are_refused() -> None:
    with pytest.raises(BadInput, match="found 2 referrals to impute a number from"):
        draw_number(np.ones(2), np.eye(2), np.eye(2), np.random.default_rng(0))


def test_a_level_is_drawn_with_its_chance() -> None:
    rng = np.random.default_rng(1)
    group = np.arange(4000) % 2
    seen = np.column_stack([np.ones(4000), group])
    level = (rng.random(4000) < np.where(group == 1, 0.7, 0.1)).astype(float)
    shares = [draw_level(level, seen, seen, rng)[group == 1].mean() for _ in range(20)]
    # Coefficients scatter by .01 in the share, draws by another .01; a mean of 20 by .003.
    assert np.mean(shares) == pytest.approx(level[group == 1].mean(), abs=0.01)
    assert 0.007 < np.std(shares) < 0.025


def test_the_chance_of_a_level_scatters_by_its_error() -> None:
    """Of so many absent referrals the share is the drawn chance itself."""
    rng = np.random.default_rng(2)
    seen = np.column_stack([np.ones(400), np.arange(400) % 2])
    level = np.zeros(400)
    level[1:281:2] = 1.0  # 140 of the 200
    level[0:40:2] = 1.0
    absent = np.ones((20_000, 2))
    drawn = [logit(draw_level(level, seen, absent, rng).mean()) for _ in range(100)]
    error = 1 / np.sqrt(200 * 0.7 * 0.3)
    assert np.mean(drawn) == pytest.approx(logit(0.7), abs=0.4 * error)
    assert np.std(drawn) == pytest.approx(error, rel=0.3)


def test_a_level_that_is_separated_is_refused() -> None:
    x = np.linspace(-1.0, 1.0, 40)
    seen = np.column_stack([np.ones(40), x])
    with pytest.raises(BadInput, match="logistic model has no maximum"):
        draw_level((x > 0).astype(float), seen, seen, np.random.default_rng(0))


def test_what_separates_a_level_does_not_help_to_impute_it() -> None:
    predictors = np.column_stack([np.ones(6), [0, 0, 0, 0, 1, 1], [0, 1, 0, 1, 0, 1], np.ones(6)])
    level = np.array([0.0, 1.0, 0.0, 0.0, 1.0, 1.0])
    assert usable(predictors, None).tolist() == [True, True, True, False]
    assert usable(predictors, level).tolist() == [True, False, True, False]


def test_a_planted_coefficient_is_found_again(
    complete: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    """A disability that counts, hidden the more often the outcome happened.

    Complete rows alone are biased towards nothing; imputation is not, its intervals cover.
    """
    once = complete.drop_duplicates("referral")
    large = pd.concat([once] * 4, ignore_index=True)
    large = large.assign(referral=np.arange(len(large)), weight=1.0)
    few = replace(analysis.regressions, covariates=("disabled",), authority_covariates=())
    few = replace(few, columns=(replace(DID, cluster="none"),))
    bare = replace(analysis, regressions=few)
    rng, true = np.random.default_rng(11), 0.4
    covered, imputed, kept = 0, [], []
    for turn in range(8):
        yes = rng.random(len(large)) < 0.3
        outcome = (rng.random(len(large)) < 0.1 + true * yes).astype(int)
        hidden = rng.random(len(large)) < np.where(outcome == 1, 0.45, 0.05)
        frame = large.assign(
            outcome=outcome, disabled=np.where(hidden, "missing", np.where(yes, "yes", "no"))
        )
        row = fit_imputed(impute(frame, bare, seed=turn), few.columns[0]).table()
        covered += row.loc["disabled: yes", "lower"] < true < row.loc["disabled: yes", "upper"]
        imputed.append(row.loc["disabled: yes", "coefficient"])
        alone = fit(frame[~hidden], bare, few.columns[0])
        kept.append(alone.coefficient("disabled: yes"))
    assert covered >= 6
    # One coefficient scatters by .018; the mean of eight by .006.
    assert np.mean(imputed) == pytest.approx(true, abs=0.02)
    assert np.mean(kept) < true - 0.03
