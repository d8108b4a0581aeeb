"""Matched referrals → the terms of logistic and linear columns, by referral or by profile.

A referral has one outcome however many matched groups it stands in, and the same terms in all
of them: it counts once, with the sum of its weights. Referrals that share authority, year,
year since settling-in and covariates are a profile; with one probability for a profile, a fit
on profiles is the fit on referrals.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import csr_matrix

from sofs_bayes.frequentist.term import PILOT
from sofs_bayes.frequentist.terms import (
    authority_terms,
    base_terms,
    child_terms,
    independent_columns,
    treatment_terms,
)
from sofs_bayes.spec import ChildrenAnalysis

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

# In the place of years since settling-in for rows without a lag.
NO_LAG = -2
SEGMENT = ["authority", "year", "lag"]
# What follows the name of a column that goes without the authorities' covariates.
BARE = " without authorities' covariates"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column's terms but for the authorities' covariates, which follow them if it has any.

    Parameters
    ----------
    name
        The column's heading.
    logistic
        Whether its model is logistic (else linear).
    names
        Its terms, the authorities' covariates last.
    own
        Terms but the authorities' covariates, shape (profiles, terms).
    adjusted
        Whether it has the authorities' covariates.
    """

    name: str
    logistic: bool
    names: tuple[str, ...]
    own: Floats
    adjusted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Profiles:
    """Matched referrals, one by one or by profile, as regressions see them.

    Parameters
    ----------
    frame
        authority, year, lag, pilot, post, weight (sum over matched rows), rows (matched rows),
        referrals (1, or how many a profile has); with single referrals also referral, quarter.
    columns
        The regressions.
    child, child_names
        Terms of the children's covariates, shape (profiles, child terms).
    segments
        authority, year, lag: what outcomes' probabilities are looked for by.
    to_segment, to_authority_year
        0 and 1, shapes (segments, profiles), (authority-years, profiles): products are sums.
    segment, authority_year
        The same as positions, shape (profiles,).
    """

    frame: pd.DataFrame
    columns: tuple[Column, ...]
    child: Floats
    child_names: tuple[str, ...]
    segments: pd.DataFrame
    to_segment: csr_matrix
    to_authority_year: csr_matrix
    segment: Integers
    authority_year: Integers

    @property
    def weight(self) -> Floats:
        """Weights, shape (profiles,)."""
        return self.frame["weight"].to_numpy(np.float64)


def single_referrals(matched: pd.DataFrame) -> pd.DataFrame:
    """Matched rows → a row per referral, in the order of their numbers."""
    frame = matched.assign(
        lag=np.where(
            (matched["pilot"] == 1) & (matched["post"] == 1), matched["years_since"], NO_LAG
        )
    ).sort_values("referral", kind="stable")
    by_referral = frame.groupby("referral", sort=True)
    single = frame.drop_duplicates("referral").reset_index(drop=True)
    dates = pd.to_datetime(single["referral_date"]).dt
    return single.assign(
        weight=by_referral["weight"].sum().to_numpy(),
        rows=by_referral.size().to_numpy(),
        referrals=1,
        years_since=single["lag"],
        quarter=dates.year * 4 + (dates.month - 1) // 3,
    )


def by_profile(single: pd.DataFrame, analysis: ChildrenAnalysis) -> pd.DataFrame:
    """Single referrals → a row per profile."""
    keys = [*SEGMENT, "pilot", "post", "years_since", *analysis.regressions.covariates]
    counted = ["weight", "rows", "referrals"]
    return single.groupby(keys, sort=True, observed=True)[counted].sum().reset_index()


def profiles_of(
    frame: pd.DataFrame,
    analysis: ChildrenAnalysis,
    authority_years: pd.DataFrame,
    columns: tuple[str, ...],
) -> Profiles:
    """The regressions' terms on single referrals or profiles.

    Parameters
    ----------
    frame
        What `single_referrals` or `by_profile` made.
    authority_years
        authority, year: what authorities' covariates are looked for by, in order.
    columns
        Names of the regressions, some of them followed by `BARE`. With fixed effects of
        authorities there is no pilot term, which is a combination of them.
    """
    child = child_terms(frame, analysis)
    whole = np.column_stack([np.ones(len(frame)), child])
    child = child.loc[:, independent_columns(whole, frame["weight"].to_numpy(np.float64))[1:]]
    segments = frame[SEGMENT].drop_duplicates().sort_values(SEGMENT, ignore_index=True)
    segment = _positions(frame, segments)
    authority_year = _positions(frame, authority_years)
    return Profiles(
        frame=frame,
        columns=tuple(_column(frame, analysis, child, name) for name in columns),
        child=child.to_numpy(np.float64),
        child_names=tuple(child.columns),
        segments=segments,
        to_segment=_indicator(segment, len(segments)),
        to_authority_year=_indicator(authority_year, len(authority_years)),
        segment=segment,
        authority_year=authority_year,
    )


def _column(
    frame: pd.DataFrame, analysis: ChildrenAnalysis, child: pd.DataFrame, name: str
) -> Column:
    shared, own_name = analysis.regressions, name.removesuffix(BARE)
    regression = next(each for each in shared.columns if each.name == own_name)
    blocks = [base_terms(frame, analysis), treatment_terms(frame, regression), child]
    if regression.authorities == "fixed":
        blocks[1] = pd.concat(
            [authority_terms(frame), blocks[1].drop(columns=PILOT)], axis="columns"
        )
    own = pd.concat(blocks, axis="columns")
    adjusted = own_name == name
    return Column(
        name=name,
        logistic=regression.model == "logistic",
        names=(*own.columns, *(shared.authority_covariates if adjusted else ())),
        own=own.to_numpy(np.float64),
        adjusted=adjusted,
    )


def _positions(frame: pd.DataFrame, table: pd.DataFrame) -> Integers:
    """The row of `table` that each row of the frame belongs to."""
    keys = list(table.columns)
    numbered = frame[keys].merge(table.assign(at=np.arange(len(table))), on=keys, how="left")
    return numbered["at"].to_numpy(np.int64)


def _indicator(positions: Integers, count: int) -> csr_matrix:
    profiles = np.arange(len(positions))
    shape = (count, len(positions))
    return csr_matrix((np.ones(len(positions)), (positions, profiles)), shape=shape)
