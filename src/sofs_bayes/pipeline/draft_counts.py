"""A panel of counts → the draft of an analysis of it, with what is to be decided marked."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sofs_bayes.pipeline.draft import decide, toml_text
from sofs_bayes.pipeline.draft_models import scales_of
from sofs_bayes.records.csv_text import CsvText
from sofs_bayes.records.panel_csv import PLACES
from sofs_bayes.records.profile import YearCount


def is_panel(header: Sequence[str]) -> bool:
    """Whether a table is a panel of counts: `authority,code,year`, then what is counted."""
    return tuple(header[:3]) == PLACES and len(header) >= 5


def panel_counts(table: CsvText) -> tuple[YearCount, ...]:
    """The counts of the rows where both are whole numbers."""
    return tuple(
        YearCount(authority=name, year=int(year), referrals=int(whole), outcomes=int(events))
        for name, _, year, events, whole, *_ in (record.fields for record in table.records)
        if year.isdecimal() and events.isdecimal() and whole.isdecimal()
    )


def counts_text(path: Path, table: CsvText, *, name: str) -> str:
    """The draft of an analysis of open counts, as TOML with comments."""
    counts = panel_counts(table)
    events, children = (sum(getattr(c, k) for c in counts) for k in ("outcomes", "referrals"))
    share = min(max(events / max(children, 1), 1e-4), 1 - 1e-4)
    years = sorted({each.year for each in counts}) or [2000]
    return "\n".join([*_head(path, table, years, name), *_priors(share)]) + "\n"


def _head(path: Path, table: CsvText, years: Sequence[int], name: str) -> Iterator[str]:
    yield f"# Drafted by `sofs-bayes init` from {path.name}: {len(table.records):,} rows."
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
