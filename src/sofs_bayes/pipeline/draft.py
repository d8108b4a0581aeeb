"""What was seen in records → drafts of analyses, with what the analyst has to decide marked.

A text that begins with `DECIDE` is refused by every verb, so that nothing is guessed silently.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sofs_bayes.errors import BadInput, counted
from sofs_bayes.pipeline.from_print import UNKNOWN, UNKNOWN_WHY
from sofs_bayes.published.as_written import TypedCell
from sofs_bayes.records.csv_text import CsvText
from sofs_bayes.records.profile import FEWEST, ColumnProfile, Profile, YearCount
from sofs_bayes.spec.names import file_stem
from sofs_bayes.spec.toml_files import DECIDE
from sofs_bayes.tables.formats import Column, Table, table_of

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
    named = [each for each in levels if {level for level, _ in each.levels} >= set(authorities)]
    return Roles(
        child=tuple(each.name for each in found.of_kind("identifier")),
        authority=tuple(each.name for each in (named if authorities else levels)),
        referral_date=tuple(whole),
        outcome=tuple(partial or flags),
    )


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
    yield (
        f"# Drafted by `sofs-bayes init` from {found.file.name}:"
        f" {counted(found.columns[0].rows, 'row')}."
    )
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
    yield '# counted = "referrals"  # what rows are, if they are not to be called children'


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
    numbers = [each for each in found.of_kind("number") if each.different > each.rows / 4]
    may_be = "".join(f" ({each.name} has {each.different:,} numbers)" for each in numbers)
    yield f"child = {_column(roles, 'child', f'the column of the child{may_be}')}"
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
        yield (
            f"# {counted(len(each.rare), 'further value')} in {counted(rows, 'row')}: too few"
            " each to be shown here"
        )
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


SEED, DRAWS = 20220701, 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Scales:
    """Priors' standard deviations, on a model's scale, from a share of outcomes."""

    intercept: tuple[float, float]
    year: float
    pilot_difference: float
    authority_covariate: float
    authority_sd: float
    pilot_effect_sd: float
    shock_sd: float
    reference: float
    sceptical: float


def scales_of(share: float, *, linear: bool) -> Scales:
    """Scales in proportion to the share on risks; those usual on log-odds, whatever it is."""
    unit = share if linear else 1.0
    middle = share if linear else math.log(share / (1 - share))
    return Scales(
        intercept=(_round(middle), _round(unit / 2)),
        year=_round(unit / 2),
        pilot_difference=_round(unit / (1 if linear else 2)),
        authority_covariate=_round(unit / 4),
        authority_sd=_round(unit / 2),
        pilot_effect_sd=_round(unit / 4),
        shock_sd=_round(unit / 4),
        reference=_round(unit),
        sceptical=_round(unit / 5),
    )


def _round(value: float) -> float:
    return float(f"{value:.2g}")


def predictive(scales: Scales, *, linear: bool) -> Mapping[str, tuple[float, float]]:
    """The 90% ranges that priors allow: of an authority-year's rate, of the change in it.

    Under the reference prior; of linear models as they are, whether or not a rate can be so.
    """
    rng = np.random.default_rng(SEED)

    def half(scale: float) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        return np.abs(rng.normal(0, scale, DRAWS)) * rng.standard_normal(DRAWS)

    level = rng.normal(*scales.intercept, DRAWS) + rng.normal(0, scales.year, DRAWS)
    level = level + half(scales.authority_sd) + half(scales.shock_sd)
    after = level + rng.normal(0, scales.reference, DRAWS)
    if not linear:
        level, after = (1 / (1 + np.exp(-each)) for each in (level, after))
    found = {}
    for name, values in (("rate", level), ("change", after - level)):
        low, high = np.quantile(values, (0.05, 0.95))
        found[name] = (float(low), float(high))
    return found


MODEL = """\
# Drafted by `sofs-bayes init`. Priors are proposed from {share} outcomes in 100 rows, \
whenever these came.
# They allow (90%) an authority's yearly rate from {rate[0]:.1f} to {rate[1]:.1f} in 100, and \
under the reference prior a change
# of {change[0]:+.1f} to {change[1]:+.1f} percentage points. Is that what you hold possible, no \
less and no more?

kind = "hierarchical"
name = {name}
title = {title}
why = {why}
children = {children}
column = {column}

[model]
likelihood = {likelihood}

[priors]
{priors}

[effect_priors]
{effect_priors}

[sampler]
name = "nutpie"
chains = 4
tune = 1000
draws = 1000
target_accept = 0.95

[estimands]
statements = [
  {{ scale = "risk", above = 0.0 }},
  {{ scale = "risk", below = 0.0 }},
]
# A change that is too small to matter: {{ scale = "risk", within = [-0.01, 0.01] }}
"""


def model_text(share: float, *, name: str, children: str, linear: bool) -> str:
    """The draft of a hierarchical analysis: priors from the share of outcomes, with their range."""
    scales, in_100 = scales_of(share, linear=linear), f"{100 * share:.1f}"
    ranges = predictive(scales, linear=linear)
    said = toml_text(f"Proposed from {in_100} outcomes in 100 rows; say what you know instead.")

    def priors(**values: str) -> str:
        return "\n".join(f"{key} = {{ {x}, why = {said} }}" for key, x in values.items())

    def normal(sd: float, mean: float = 0.0) -> str:
        return f"mean = {mean}, sd = {sd}"

    middle, spread = scales.intercept
    own = {"residual_sd": "scale = 0.5"} if linear else {"child_covariate": normal(1.0)}
    return MODEL.format(
        share=in_100,
        rate=[100 * each for each in ranges["rate"]],
        change=[100 * each for each in ranges["change"]],
        name=toml_text(name),
        title=decide("how results are labelled"),
        why=decide("which question this model answers, in a sentence"),
        children=toml_text(children),
        column=toml_text("Linear" if linear else "Logistic"),
        likelihood=toml_text("gaussian" if linear else "binomial logit"),
        priors=priors(
            intercept=normal(spread, middle),
            year=normal(scales.year),
            pilot_difference=normal(scales.pilot_difference),
            authority_covariate=normal(scales.authority_covariate),
            **own,
            authority_sd=f"scale = {scales.authority_sd}",
            pilot_effect_sd=f"scale = {scales.pilot_effect_sd}",
            shock_sd=f"scale = {scales.shock_sd}",
            shock_correlation="a = 2.0, b = 2.0",
            departure="multiple = 1.0",
        ),
        effect_priors=priors(
            reference=normal(scales.reference), sceptical=normal(scales.sceptical)
        ),
    )


def panel_counts(table: CsvText) -> tuple[YearCount, ...]:
    """The counts of the authorities' years that have both; a table that no fit takes is refused."""
    from sofs_bayes.records.panel_csv import whole_panel

    panel = whole_panel(table)
    rows = panel.counts[["events", "denominator"]].to_dataframe().dropna()
    if rows.empty:
        raise BadInput(table.path, "", "no year of an authority with both counts", "some")
    return tuple(
        YearCount(authority=name, year=year, referrals=int(whole), outcomes=int(events))
        for (name, year), events, whole in zip(
            rows.index, rows["events"], rows["denominator"], strict=True
        )
    )


def counts_text(table: CsvText, counts: Sequence[YearCount], *, name: str, year_begins: int) -> str:
    """The draft of an analysis of open counts, as TOML with comments."""
    events, children = (sum(getattr(c, k) for c in counts) for k in ("outcomes", "referrals"))
    share = min(max(events / max(children, 1), 1e-4), 1 - 1e-4)
    years = sorted({each.year for each in counts})
    return "\n".join([*_counts_head(table, years, name, year_begins), *_priors(share)]) + "\n"


def _counts_head(
    table: CsvText, years: Sequence[int], name: str, year_begins: int
) -> Iterator[str]:
    yield (
        f"# Drafted by `sofs-bayes init` from {table.path.name}:"
        f" {counted(len(table.records), 'row')}."
    )
    yield "# Every DECIDE is yours: no verb works while one is left."
    yield ""
    yield 'kind = "open data"'
    yield f"name = {toml_text(name)}"
    yield f"title = {decide('how results are labelled')}"
    yield f"intervention = {decide('what is evaluated, as family hubs')}"
    yield f"why = {decide('why the analysis is made, in a sentence')}"
    yield "model = {}"
    yield 'sampler = { name = "nutpie" }'
    yield ""
    yield "[outcome]"
    yield f"name = {decide('what happens, as protection plan')}"
    yield f"plural = {decide('several of them, as protection plans')}"
    yield f"unit = {decide('whom it happens to, as children with a protection plan')}"
    yield ""
    yield "[data]"
    yield f"events = {toml_text(table.header[3])}"
    yield f"denominator = {toml_text(table.header[4])}"
    yield f"first_year = {years[0]}"
    yield f"last_year = {years[-1]}"
    yield f"year_begins = {year_begins}  # the month, 1 to 12: what years are called"
    yield '# published = "title, year, where": only where the counts are public already'
    yield ""
    for _ in range(2):
        yield "[[design.pilots]]"
        yield f"authority = {decide('a pilot, as the counts name it')}"
        yield "wave = 1"
        yield f"settling_in = [{decide('first and last year left out, as 2017, 2018')}]"
        yield ""
    yield "[design.comparators]"
    yield 'rule = "all"  # or "pre-trend", the nearest on the trend before settling-in'
    yield f"why = {decide('why these authorities are compared')}"
    yield ""


def _priors(share: float) -> Iterator[str]:
    scales = scales_of(share, linear=False)
    why = toml_text(f"Proposed from {100 * share:.1f} events in 100; say what you know instead.")
    normal: Mapping[str, tuple[float, float]] = {
        "intercept": scales.intercept,
        "year": (0.0, scales.year),
        "pilot_difference": (0.0, scales.pilot_difference),
    }
    yield "[priors]"
    for key, (mean, sd) in normal.items():
        yield f"{key} = {{ mean = {mean}, sd = {sd}, why = {why} }}"
    for key in ("authority_sd", "pilot_effect_sd", "shock_sd"):
        yield f"{key} = {{ scale = {getattr(scales, key)}, why = {why} }}"
    yield f"shock_correlation = {{ a = 2.0, b = 2.0, why = {why} }}"
    yield ""
    yield "[effect_priors]"
    for key in ("reference", "sceptical"):
        yield f"{key} = {{ mean = 0.0, sd = {getattr(scales, key)}, why = {why} }}"
    yield ""
    yield "[estimands]"
    yield 'statements = [{ scale = "risk", above = 0.0 }, { scale = "risk", below = 0.0 }]'


def print_texts(file: str, cells: Sequence[TypedCell], stem: str) -> dict[str, str]:
    """The drafts by name of file; a table of one column makes one, called by the stem alone."""
    columns = list(dict.fromkeys(cell.column for cell in cells))
    texts: dict[str, str] = {}
    for number, column in enumerate(columns, 1):
        name = f"{stem}-print" if len(columns) == 1 else file_stem(f"{stem}-{number}-{column}")
        own = [cell for cell in cells if cell.column == column]
        texts[f"{name}.toml"] = "\n".join(_draft(file, own, name)) + "\n"
    return texts


def typed_cells_table(file: str, cells: Sequence[TypedCell]) -> Table:
    """Every cell as typed, and what it was read as, or why it cannot be used."""
    return table_of(
        "typed-cells",
        f"{file}: what was typed in, and what it is read as",
        cells,
        [
            Column(key="row", heading="Row"),
            Column(key="column", heading="Column"),
            Column(key="text", heading="As typed"),
            Column(key="error", heading="Below it"),
            Column(key="stars", heading="Stars", format="integer"),
            Column(key="fault", heading="Not read; allowed"),
        ],
        evidence="published",
        study=file,
    )


def _draft(file: str, cells: Sequence[TypedCell], name: str) -> Iterator[str]:
    read = [cell for cell in cells if not cell.fault]
    yield f"# Drafted by `sofs-bayes init` from {file}, column {cells[0].column}."
    yield "# Every DECIDE is yours: no verb works while one is left. The rows as typed:"
    for cell in cells:
        said = f" (not read; allowed: {cell.fault})" if cell.fault else ""
        yield f"#   {cell.row}: {cell.text} {cell.error}".rstrip() + said
    yield ""
    yield 'kind = "printed"'
    yield f"name = {toml_text(name)}"
    yield f"title = {decide('how results are labelled')}"
    yield f"outcome = {decide('what is counted, as protection plans')}"
    yield f"intervention = {decide('what is evaluated, as family hubs')}"
    yield f"why = {decide('which question the table answers, in a sentence')}"
    yield ""
    yield "[as_printed]"
    yield f"source = {decide('where it is printed, as Table 2 of Smith (2020)')}"
    yield from _rows(read)
    yield ""
    yield from _design()
    yield from _print_priors(several=len(read) > 1)


def _rows(read: Sequence[TypedCell]) -> Iterator[str]:
    """The effect and the pilot difference: filled in only where there is nothing to choose."""
    if len(read) == 1:
        yield f"did = {toml_text(read[0].text)}  # {read[0].row}"
    else:
        named = "; ".join(f"{cell.row}: {cell.text}" for cell in read)
        seen = f"one of {named}" if named else "no cell could be read"
        yield f"did = {decide(f'the effect as printed, with its stars; {seen}')}"
        wanted = f"the pilot difference, or delete this line where none is printed; {seen}"
        yield f"pilot = {decide(wanted)}"
    if errors := [cell.error for cell in read if cell.error]:
        below = errors[0] if len(read) == 1 else "what stands below the effect"
        if len(re.findall(r"[0-9.]*[0-9]", errors[0])) > 1:
            yield f"did_interval = [{decide(f'its ends as two texts, of {below}')}]"
        else:
            yield f"did_se = {decide(f'{below}, if it is its standard error, and no t or p')}"


def _design() -> Iterator[str]:
    yield "[design]"
    yield "# Give an odds ratio's logarithm, on log-odds; units have a name in unit, no base_rate."
    yield f"scale = {decide('risk, log-odds or units')}"
    yield f"pilots = {decide('how many treated units there are')}"
    yield f"comparators = {decide('how many others')}"
    yield f"years_pre = {decide('how many years before are averaged')}"
    yield f"years_post = {decide('how many years after')}"
    yield f"base_rate = {decide('the usual rate of the outcome, as 0.11')}"
    yield "# children = how many, over all units and years, where rows are children"
    yield ""
    yield "[[readings]]"
    yield 'name = "as printed"'
    wanted = "authority if errors are clustered on the unit (one treated: comparators); none; child"
    yield f"se_reading = {decide(wanted)}"
    yield f"why = {decide('what says so: a note below the table, or the text')}"
    yield ""
    yield "[critical_values]"
    yield 'distribution = "normal"  # or "t", with df = number of clusters less one'
    yield f"star_levels = [{decide('p-values of one, two, three stars, as 0.1, 0.05, 0.01')}]"
    yield f"why = {decide('the key below the table, in words')}"
    yield ""


def _print_priors(*, several: bool) -> Iterator[str]:
    yield "[priors.authority_sd]"
    yield f"scale = {decide('how far the means of units differ, as half the base rate')}"
    yield f"why = {decide('what is known of it')}"
    yield ""
    yield "[priors.correlation]"
    yield "# `sofs-bayes published --correlation` makes one from a panel of the same kind of units;"
    yield "# fixed = 0.0 in place of a and b where other persons are seen before and after."
    yield f"a = {UNKNOWN[0]}"
    yield f"b = {UNKNOWN[1]}"
    yield f"why = {toml_text(UNKNOWN_WHY)}"
    yield ""
    if several:
        yield "[priors.pilot_difference]  # delete it where no pilot difference is printed"
        yield "mean = 0.0"
        yield f"sd = {decide('how far the arms may differ before')}"
        yield f"why = {decide('what is known of it')}"
        yield ""
    yield "[effect_priors.reference]"
    yield "mean = 0.0"
    yield f"sd = {decide('how large effects can be')}"
    yield f"why = {decide('what is known of such programmes')}"
    yield ""
    yield "[estimands]"
    yield f"statements = [{{ scale = {decide('as the design')}, above = 0.0 }}]"
