"""Which authorities the pilots are compared with, and the cells this leaves to be fitted.

Comparators are chosen on open counts of whole authorities, from years before settling-in
alone; what the outcome did afterwards has no part in it.
"""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from sofs_bayes.errors import BadInput, BadParameter, counted
from sofs_bayes.matching.choice import Choice, LeftOut, Match, years_after, years_before
from sofs_bayes.matching.pre_trend import distances
from sofs_bayes.records.csv_text import did_you_mean
from sofs_bayes.records.panel import Panel
from sofs_bayes.spec import OpenDesign, Pilot


def choose_comparators(
    panel: Panel, design: OpenDesign, *, file: Path | str = "the analysis"
) -> Choice:
    """The comparators by the design's rule.

    Eligible is every authority that is no pilot, is not excluded, has no declared recording
    break and is observed in all years of the panel. The rule `all` takes them all, and sets aside
    those that are kept from it by nothing but a break. The rule
    `pre-trend` gives each pilot the `per_pilot` nearest on the log-odds in the pilot's own
    observed years before settling-in; without `reuse` the smallest distances go first, over
    all pilots, and a comparator serves once. Equal distances go by the design's order of
    pilots, then by the comparators' names.

    A pilot with a declared recording break is not matched: its years before are not on the
    basis of its years after, neither in level nor, if there is one of them, in trend.

    Parameters
    ----------
    panel
        As `read_panel` gives it.
    design
        That of an open-data analysis.
    file
        Where the design stands; only named in messages.

    Returns
    -------
    Choice
        The comparators, by pilot where pilots have their own, and how near each is.

    Raises
    ------
    BadInput
        An authority the panel does not have; a pilot observed in no year before or in none
        after settling-in; too few eligible authorities; under `pre-trend` a pilot with a
        single year before, which has no trend.

    Examples
    --------
    >>> analysis = sb.load("icpc-open-data-matched")
    >>> panel = sb.read_panel([], analysis.data)
    >>> len(sb.choose_comparators(panel, analysis.design).matches) > 0
    True
    """
    _check_names(panel, design, file)
    for pilot in design.pilots:
        _check_window(panel, pilot, file)
    eligible, left_out = _eligible(panel, design)
    wanted = 1 if design.comparators.rule == "all" else design.comparators.per_pilot
    if len(eligible) < wanted:
        found = f"{len(eligible)} eligible authorities"
        raise BadInput(file, "design.comparators", found, f"at least {wanted}")
    pilots = tuple(pilot.authority for pilot in design.pilots)
    if design.comparators.rule == "all":
        return Choice(
            pilots=pilots,
            comparators=eligible,
            eligible=eligible,
            left_out=left_out,
            set_aside=_set_aside(panel, design),
        )
    breaks = {declared.authority: declared.year for declared in design.recording_breaks}
    matches = _matches(panel, design, eligible, breaks, file)
    return Choice(
        pilots=pilots,
        comparators=tuple(sorted({match.comparator for match in matches})),
        eligible=eligible,
        matches=matches,
        unmatched=tuple(
            LeftOut(authority=name, reason=f"declared recording break in {breaks[name]}")
            for name in pilots
            if name in breaks
        ),
        left_out=left_out,
    )


def did_cells(
    panel: Panel,
    choice: Choice,
    design: OpenDesign,
    *,
    leave_out: Collection[str] = (),
    include_breaks: bool,
) -> xr.Dataset:
    """The observed cells of pilots and comparators, for a difference-in-differences.

    A pilot's settling-in years have no cell. With a pilot go the comparators that were matched
    to it alone. Comparators that were set aside have cells where those with breaks do.

    Parameters
    ----------
    leave_out
        Pilots or comparators to do without.
    include_breaks
        Whether authorities with a declared recording break have cells.

    Returns
    -------
    xarray.Dataset
        Over `cell`, pilots first in the design's order, then comparators in alphabetical
        order, each by year: authority (name), year, events, denominator, is_pilot, period
        (`pre` or `post`; `none` for a comparator, which has no window), years_since (-1 is
        the last year before settling-in, 0 the first after it; NaN for a comparator).

    Raises
    ------
    BadInput
        `leave_out` names an authority that is neither; no pilot or no comparator is left.
    """
    known = (*choice.pilots, *choice.comparators, *choice.set_aside)
    unknown = sorted(set(leave_out) - set(known))
    if unknown:
        found = f"{unknown[0]!r}{did_you_mean(unknown[0], known)}"
        raise BadParameter("leave_out", found, "a pilot or comparator of the analysis")
    without = set(leave_out)
    if not include_breaks:
        without |= {declared.authority for declared in design.recording_breaks}
    pilots = [pilot for pilot in design.pilots if pilot.authority not in without]
    serving = {*choice.comparators_of(pilot.authority for pilot in pilots), *choice.set_aside}
    comparators = sorted(serving - without)
    if not pilots or not comparators:
        found = (
            f"{counted(len(pilots), 'pilot')} and {counted(len(comparators), 'comparator')} left"
        )
        raise BadParameter("leave_out", found, "at least one of each")
    return _cells(panel, pilots, comparators)


def _check_names(panel: Panel, design: OpenDesign, file: Path | str) -> None:
    named = (
        ("design.pilots", (pilot.authority for pilot in design.pilots)),
        ("design.comparators.exclude", (n.authority for n in design.comparators.exclude)),
        ("design.recording_breaks", (b.authority for b in design.recording_breaks)),
    )
    for place, names in named:
        for name in names:
            if name not in panel.authorities:
                found = f"{name!r}, not in the data{_why_not(panel, name)}"
                raise BadInput(file, place, found, "an authority's name as in the data")


def _why_not(panel: Panel, name: str) -> str:
    """What to say of a name that the data do not have."""
    for notice in panel.notices:
        if notice.kind == "joint row" and name in notice.authority:
            return f" but within {notice.authority!r} ({notice.detail})"
    return did_you_mean(name, panel.authorities)


def _check_window(panel: Panel, pilot: Pilot, file: Path | str) -> None:
    for years, side in (
        (years_before(panel, pilot), "before"),
        (years_after(panel, pilot), "after"),
    ):
        if not years:
            raise BadInput(
                file,
                f"design.pilots, {pilot.authority}",
                f"no year {side} settling-in ({pilot.settling_in[0]} to {pilot.settling_in[1]})"
                " with both counts",
                f"at least one observed year {side} it",
            )


def _eligible(panel: Panel, design: OpenDesign) -> tuple[tuple[str, ...], tuple[LeftOut, ...]]:
    """The eligible authorities, and the others (but the pilots) with the reason."""
    pilots = {pilot.authority for pilot in design.pilots}
    reasons = {
        d.authority: f"recording break in {d.year}: {d.why}" for d in design.recording_breaks
    }
    reasons |= {n.authority: f"excluded: {n.why}" for n in design.comparators.exclude}
    eligible, left_out = [], []
    for name, observed in zip(panel.authorities, panel.observed.values, strict=True):
        if name in pilots:
            continue
        gaps = [str(y) for y, there in zip(panel.years, observed, strict=True) if not there]
        if name not in reasons and gaps:
            reasons[name] = f"not observed in {', '.join(gaps)}"
        if name in reasons:
            left_out.append(LeftOut(authority=name, reason=reasons[name]))
        else:
            eligible.append(name)
    return tuple(eligible), tuple(left_out)


def _set_aside(panel: Panel, design: OpenDesign) -> tuple[str, ...]:
    """The authorities that would be eligible but for a declared break."""
    barred = {pilot.authority for pilot in design.pilots}
    barred |= {note.authority for note in design.comparators.exclude}
    broken = {declared.authority for declared in design.recording_breaks} - barred
    whole = panel.observed.all("year")
    return tuple(name for name in sorted(broken) if bool(whole.sel(authority=name)))


def _matches(
    panel: Panel,
    design: OpenDesign,
    eligible: Sequence[str],
    breaks: Collection[str],
    file: Path | str,
) -> tuple[Match, ...]:
    rule = design.comparators
    matched = [pilot for pilot in design.pilots if pilot.authority not in breaks]
    if not matched:
        raise BadInput(file, "design.recording_breaks", "every pilot", "a pilot to be matched")
    if not rule.reuse and len(eligible) < len(matched) * rule.per_pilot:
        found = (
            f"{counted(len(eligible), 'eligible authority', 'eligible authorities')} for"
            f" {counted(len(matched), 'pilot')}"
        )
        allowed = f"{rule.per_pilot} for each, or reuse = true"
        raise BadInput(file, "design.comparators.per_pilot", found, allowed)
    offers = []
    for position, pilot in enumerate(matched):
        years = years_before(panel, pilot)
        if len(years) < 2:
            raise BadInput(
                file,
                f"design.pilots, {pilot.authority}",
                f"{years[0]} alone before settling-in, and one year has no trend",
                'two years for rule = "pre-trend" (an earlier data.first_year); or rule ='
                ' "all"; or the pilot under design.recording_breaks, so that it is not matched',
            )
        gaps = distances(panel, pilot.authority, eligible, years, match_on=rule.match_on)
        offers += [(float(gap), position, name) for gap, name in zip(gaps, eligible, strict=True)]
    pilots = [pilot.authority for pilot in matched]
    return nearest_first(sorted(offers), pilots, per_pilot=rule.per_pilot, reuse=rule.reuse)


def nearest_first(
    offers: Iterable[tuple[float, int, str]],
    pilots: Sequence[str],
    *,
    per_pilot: int,
    reuse: bool,
) -> tuple[Match, ...]:
    """The matches from (distance, pilot's position, comparator), smallest first.

    Each pilot gets `per_pilot`; without `reuse` a comparator serves once.
    """
    taken: set[str] = set()
    given: dict[int, list[Match]] = {position: [] for position in range(len(pilots))}
    for distance, position, name in offers:
        mine = given[position]
        if len(mine) == per_pilot or (not reuse and name in taken):
            continue
        taken.add(name)
        mine.append(
            Match(pilot=pilots[position], comparator=name, rank=len(mine) + 1, distance=distance)
        )
    return tuple(match for mine in given.values() for match in mine)


def _cells(panel: Panel, pilots: Sequence[Pilot], comparators: Sequence[str]) -> xr.Dataset:
    observed = panel.observed
    labels: list[tuple[str, int, bool, str, float]] = []
    for pilot in pilots:
        first, last = pilot.settling_in
        labels += [(pilot.authority, y, True, "pre", y - first) for y in years_before(panel, pilot)]
        labels += [
            (pilot.authority, y, True, "post", y - last - 1) for y in years_after(panel, pilot)
        ]
    for name in comparators:
        there = observed.sel(authority=name).values
        labels += [
            (name, year, False, "none", np.nan)
            for year, seen in zip(panel.years, there, strict=True)
            if seen
        ]
    authority, year, is_pilot, period, since = (
        list(column) for column in zip(*labels, strict=True)
    )
    at = {
        "authority": xr.DataArray(np.array(authority, dtype=object), dims="cell"),
        "year": xr.DataArray(np.array(year, dtype=np.int64), dims="cell"),
    }
    counts = panel.counts.sel(at)
    return xr.Dataset(
        {
            "events": ("cell", counts["events"].values.astype(np.int64)),
            "denominator": ("cell", counts["denominator"].values.astype(np.int64)),
            "is_pilot": ("cell", np.array(is_pilot, dtype=bool)),
            "period": ("cell", np.array(period, dtype=object)),
            "years_since": ("cell", np.array(since, dtype=np.float64)),
        },
        coords=at,
    )
