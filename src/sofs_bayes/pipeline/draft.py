"""What was seen in records → drafts of analyses, with what the analyst has to decide marked.

A text that begins with `DECIDE` is refused by every verb, so that nothing is guessed silently.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sofs_bayes.records.csv_text import CsvText
from sofs_bayes.records.profile import FEWEST, ColumnProfile, Profile
from sofs_bayes.spec.toml_files import DECIDE

# Codes that often stand for a missing value.
MISSING = ("nk", "n/k", "na", "n/a", "unknown", "not known", "missing", "not recorded", "99", "999")


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """Which column is what: its name, or the candidates where several could be."""

    child: tuple[str, ...]
    authority: tuple[str, ...]
    referral_date: tuple[str, ...]
    outcome: tuple[str, ...]

    def one(self, role: str) -> str:
        """The column of a role; empty where there are none or several."""
        found: tuple[str, ...] = getattr(self, role)
        return found[0] if len(found) == 1 else ""


def roles_of(found: Profile, authorities: Sequence[str]) -> Roles:
    """The columns that may be child, authority, date of referral and outcome.

    Parameters
    ----------
    authorities
        Names that the groups have; without any, every column of levels may be the authority.
    """
    dates = found.of_kind("date")
    whole = [each.name for each in dates if not each.missing]
    partial = [each.name for each in dates if each.missing]
    flags = [each.name for each in found.of_kind("flag")]
    levels = found.of_kind("levels")
    named = [each for each in levels if _names(each) >= set(authorities)]
    return Roles(
        child=tuple(each.name for each in found.of_kind("identifier")),
        authority=tuple(each.name for each in (named if authorities else levels)),
        referral_date=tuple(whole),
        outcome=tuple(partial or flags),
    )


def _names(found: ColumnProfile) -> set[str]:
    return {level for level, _ in found.levels}


def decide(text: str) -> str:
    """A value that the analyst has to put in."""
    return toml_text(f"{DECIDE}: {text}")


def toml_text(text: str) -> str:
    """A text as TOML writes it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _column(roles: Roles, role: str, what: str) -> str:
    candidates: tuple[str, ...] = getattr(roles, role)
    if len(candidates) == 1:
        return toml_text(candidates[0])
    seen = f"one of {', '.join(candidates)}" if candidates else "none was seen"
    return decide(f"{what}; {seen}")


def children_text(
    found: Profile,
    roles: Roles,
    years: Sequence[int],
    authority_covariates: Sequence[str],
    *,
    name: str,
    year_begins: int,
) -> str:
    """The draft of an analysis of children's records, as TOML with comments."""
    taken = {roles.one(role) for role in ("child", "authority", "referral_date", "outcome")}
    rest = [each for each in found.columns if each.name not in taken]
    own = [each for each in rest if each.kind in ("levels", "flag", "number")]
    lines = [
        *_head(found, name),
        *_records(found, roles, years, year_begins),
        *(line for each in own for line in _covariate(each)),
        *_left_out(rest, own),
    ]
    for each in authority_covariates:
        lines += ["", "[[records.authority_covariates]]", f"name = {toml_text(each)}"]
    lines += _analysis(own, authority_covariates)
    return "\n".join(lines) + "\n"


def _head(found: Profile, name: str) -> Iterator[str]:
    yield f"# Drafted by `sofs-bayes init` from {found.file.name}: {found.columns[0].rows:,} rows."
    yield f"# Comments say what was seen. Every {DECIDE} is yours: no verb works while one is left."
    yield f"# `sofs-bayes check {found.file.parent.name} THIS_FILE` then names all that is wrong."
    yield ""
    yield 'kind = "children"'
    yield f"name = {toml_text(name)}"
    yield f"title = {decide('how results are labelled')}"
    yield f"intervention = {decide('what is evaluated, as family hubs')}"
    yield f"why = {decide('why the analysis is made, in a sentence')}"
    yield ""
    yield "[outcome]"
    yield f"name = {decide('what happens, as protection plan')}"
    yield f"plural = {decide('several of them, as protection plans')}"
    yield f"unit = {decide('whom it happens to, as children with a protection plan')}"
    yield 'direction = "neither"  # or "higher is better", "lower is better"'


def _records(found: Profile, roles: Roles, years: Sequence[int], year_begins: int) -> Iterator[str]:
    by_name = {each.name: each for each in found.columns}
    outcome = by_name.get(roles.one("outcome"))
    key = "outcome_flag" if outcome is not None and outcome.kind == "flag" else "outcome_date"
    yield ""
    yield "[records]"
    shown = list(years) or decide("years, as 2015 for the one that begins in 2015")
    yield f"years = {shown}  # in which every authority has referrals"
    yield f"year_begins = {year_begins}  # the month, 1 to 12; init --year-begins shows another's"
    yield ""
    yield "[records.columns]"
    yield f"child = {_column(roles, 'child', 'the column of the child')}"
    yield f"authority = {_column(roles, 'authority', 'the column of the authority')}"
    yield f"referral_date = {_column(roles, 'referral_date', 'the date of referral')}"
    wanted = "the date of the outcome, or outcome_flag of 0 and 1"
    yield f"{key} = {_column(roles, 'outcome', wanted)}"
    if outcome is not None:
        yield f"# {outcome.name}: {100 * (1 - outcome.share_missing):.1f}% of rows have one"
    yield ""
    yield "[records.window]"
    yield f"months = {decide('within how many months of the referral the outcome counts')}"


def _covariate(each: ColumnProfile) -> Iterator[str]:
    missing = f"{100 * each.share_missing:.1f}% of cells are empty"
    yield ""
    yield "[[records.covariates]]"
    if each.kind == "number":
        yield 'kind = "number"'
        yield f"name = {toml_text(each.name)}"
        yield f"unit = {decide('its unit, as years at referral')}"
        if not each.lowest:
            yield f"lowest = {decide('the lowest that can be')}"
            yield f"highest = {decide('the highest that can be')}"
            return
        seen = f"seen: {each.lowest} to {each.highest}, but for the {FEWEST} outermost rows"
        yield f"lowest = {math.floor(float(each.lowest))}.0  # {seen}"
        yield f"highest = {math.ceil(float(each.highest))}.0  # {missing}"
        return
    codes = [level for level, _ in each.shown if level.casefold() in MISSING]
    kept = [level for level, _ in each.shown if level not in codes]
    if not each.shown:
        yield f'kind = "levels"\nname = {toml_text(each.name)}'
        yield f"reference = {decide(f'each value has fewer than {FEWEST} rows')}\nlevels = {{ }}"
        return
    yield 'kind = "levels"'
    yield f"name = {toml_text(each.name)}"
    yield f"reference = {toml_text(kept[0] if kept else codes[0])}  # the most frequent"
    levels = ", ".join(f"{toml_text(level)} = [{toml_text(level)}]" for level in kept or codes)
    yield f"levels = {{ {levels} }}"
    if codes and kept:
        yield f"missing_codes = [{', '.join(map(toml_text, codes))}]  # by their look alone"
    if each.rare:
        rows = sum(count for _, count in each.rare)
        yield f"# {len(each.rare)} further values in {rows} rows: too few each to be shown here"
    yield f'# {missing}; missing is a level of its own, or missing = "impute"'


def _left_out(rest: Sequence[ColumnProfile], own: Sequence[ColumnProfile]) -> Iterator[str]:
    if left := [each.name for each in rest if each not in own]:
        yield ""
        yield f"# Columns that are neither levels nor numbers: {', '.join(left)}"


def columns_lines(key: str, table: CsvText | None, known: Sequence[str]) -> Iterator[str]:
    """The names of the columns of a file beside the referrals, where they are others."""
    if table is None or set(known) <= {*table.header}:
        return
    yield f"[records.{key}]"
    for name in known:
        seen = f"{name}, in {table.path.name}; one of {', '.join(table.header)}"
        yield f"{name} = {toml_text(name) if name in table.header else decide(seen)}"
    yield ""


def _analysis(own: Sequence[ColumnProfile], authority_covariates: Sequence[str]) -> Iterator[str]:
    levels = [each.name for each in own if each.kind != "number"]
    names = "[" + ", ".join(toml_text(each.name) for each in own) + "]"
    yield ""
    yield "[matching]"
    wanted = f"levels that must agree, of {', '.join(levels) or 'none'}"
    yield f"exact = [{decide(wanted)}]"
    for each in own:
        if each.kind == "number":
            yield f"# cuts = {{ {each.name} = [ ] }} cuts it into intervals that must agree"
    yield f"balance = {names}"
    yield f"summary = {names}"
    yield ""
    yield "[regressions]"
    yield f"covariates = {names}"
    yield f"authority_covariates = [{', '.join(map(toml_text, authority_covariates))}]"
    for column, model, treatment in (
        ("Linear", "linear", ""),
        ("Logistic", "logistic", ""),
        ("Before and after", "linear", "leads and lags"),
    ):
        yield ""
        yield "[[regressions.columns]]"
        yield f"name = {toml_text(column)}"
        yield f"model = {toml_text(model)}"
        if treatment:
            yield f"treatment = {toml_text(treatment)}"
