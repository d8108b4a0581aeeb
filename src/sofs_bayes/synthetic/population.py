"""Rows + solved outcomes → a population of made-up children, and the folder it is written to."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import tomli_w

from sofs_bayes.errors import BadInput, counted
from sofs_bayes.folders.manifest import write_manifest
from sofs_bayes.published.facts import facts_sha256
from sofs_bayes.records.column_values import literal
from sofs_bayes.records.connections import connected, room_in
from sofs_bayes.records.groups import Groups, groups_text
from sofs_bayes.spec import AuthorityColumns, ChildrenAnalysis, fingerprint
from sofs_bayes.spec.seeds import stream
from sofs_bayes.spec.study import of_report
from sofs_bayes.synthetic.authority_frame import drawn_authorities
from sofs_bayes.synthetic.covariates import Floats
from sofs_bayes.synthetic.file_columns import referrals_file
from sofs_bayes.synthetic.fixture import LABEL, Fixture, rows_sha256
from sofs_bayes.synthetic.recurrence import child_ids, recurring_children
from sofs_bayes.synthetic.rows import Rows, build_rows
from sofs_bayes.synthetic.scenario import Scenario, scenario_document

Format = Literal["parquet", "csv", "stata"]

CHILDREN = "synthetic-children"
AUTHORITIES, GROUPS = "synthetic-authorities.csv", "synthetic-groups.csv"
SCENARIO = "scenario.toml"
ENDINGS: Mapping[Format, str] = {"parquet": ".parquet", "csv": ".csv", "stata": ".dta"}
OWN_LABEL = "Simulated in the design of a study; no evidence about any real authority or child."
EVIDENCE: Literal["synthetic"] = "synthetic"
LOWEST_RATE, HIGHEST_RATE = 0.002, 0.6
# Stata files say when they were made; the same population must give the same bytes.
STAMP = datetime(2022, 7, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """The effects that outcomes were drawn with: means over the treated referrals.

    A referral's effect is the difference that treatment made to the probability its outcome was
    drawn with, or to the log odds of that.
    """

    risk: float  # risk, log_odds: over the referrals of all pilots after settling-in
    log_odds: float
    pilot_risk: Mapping[str, float]  # pilot_risk, pilot_log_odds: by pilot
    pilot_log_odds: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Made-up referrals with what records would come with, and what is behind them."""

    name: str
    analysis: ChildrenAnalysis
    seed: int
    referrals: pd.DataFrame  # A file of referrals, with the columns that the analysis names
    authorities: pd.DataFrame  # authority, year and the analysis' covariates
    groups: Groups
    assumptions: Mapping[str, Any]  # what it was made from, as a TOML file would say it
    # None where outcomes were solved for printed tables: no effect is behind those
    truth: Truth | None
    evidence: Literal["synthetic"] = EVIDENCE


def build(scenario: Scenario, analysis: ChildrenAnalysis, fixture: Fixture) -> Population:
    """The population that reproduces the printed tables: a scenario's rows, solved outcomes.

    Raises
    ------
    BadInput
        The scenario cannot meet the printed numbers; the fixture was solved for other rows.
    """
    return populated(build_rows(scenario, analysis), analysis, fixture)


def populated(rows: Rows, analysis: ChildrenAnalysis, fixture: Fixture) -> Population:
    """Rows with the outcomes that were solved for them.

    Outcomes of referrals that no matched row has (unmatched, in settling-in, of further
    authorities) are drawn at the rate of their authority.

    Raises
    ------
    BadInput
        The fixture was solved for other rows.
    """
    scenario = rows.scenario
    found = rows_sha256(rows, analysis)
    if found != fixture.rows_sha256:
        allowed = f"those that its outcomes were solved for ({fixture.rows_sha256[:12]})"
        raise BadInput(scenario.name, "matched rows", found[:12], allowed)
    outcome = _outcomes(rows, fixture)
    further = drawn_authorities(
        scenario, analysis, [each.name for each in scenario.further.authorities]
    )
    child = recurring_children(scenario, rows.referrals)
    referrals = rows.referrals.assign(child=child_ids(scenario, child, fixture.child_order))
    return Population(
        name=scenario.name,
        analysis=analysis,
        seed=scenario.seed,
        referrals=referrals_file(referrals, outcome, analysis, seed=scenario.seed),
        authorities=pd.concat([fixture.authorities, further], ignore_index=True),
        groups=rows.groups,
        assumptions=scenario_document(scenario),
        truth=None,
    )


def _outcomes(rows: Rows, fixture: Fixture) -> Floats:
    """0 or 1 for every referral: as solved, or drawn at its authority's rate."""
    scenario, referrals = rows.scenario, rows.referrals
    matched = np.unique(rows.matched["referral"])
    if len(matched) != len(fixture.outcome):
        found = counted(len(fixture.outcome), "outcome")
        raise BadInput(scenario.name, "fixture", found, f"{len(matched)}, of the matched rows")
    solved = pd.Series(fixture.outcome.astype(np.float64), index=matched)
    rates = solved.groupby(referrals["authority"].to_numpy()[matched]).mean().to_dict()
    rate = referrals["authority"].map(rates).to_numpy(np.float64, copy=True)
    since = referrals["referral_date"] - referrals["referral_date"].min()
    years = (since.dt.days // 365.25).to_numpy(np.float64)
    for each in scenario.further.authorities:
        here = (referrals["authority"] == each.name).to_numpy()
        rate[here] = np.clip(each.rate + each.trend * years[here], LOWEST_RATE, HIGHEST_RATE)
    drawn = stream(scenario.seed, "other outcomes").random(len(rate)) < rate
    outcome = drawn.astype(np.float64)
    outcome[matched] = solved.to_numpy()
    return outcome


# ---------------------------------------------------------------------------------- writing


def write_population(
    population: Population, folder: Path | str, *, format: Format = "parquet"
) -> None:
    """A population as files in an existing folder; the same population gives the same bytes.

    `synthetic-children` as Parquet, CSV or Stata, `synthetic-authorities.csv`,
    `synthetic-groups.csv`, `scenario.toml` and `manifest.json` (evidence, seed, truth,
    hashes, versions). That the children are made up stands in every file's name, in a column
    `evidence` and in the metadata of Parquet.

    Raises
    ------
    BadInput
        No such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise BadInput(folder, "", "no such folder", "an existing folder")
    children = folder / (CHILDREN + ENDINGS[format])
    _write_children(population, children, format)
    records = population.analysis.records
    called = asdict(records.authority_columns or AuthorityColumns())
    labelled = population.authorities.rename(columns=called).assign(evidence=population.evidence)
    _write(folder / AUTHORITIES, labelled.to_csv(index=False, lineterminator="\n"))
    _write(folder / GROUPS, groups_text(population.groups, records.group_columns))
    _write(folder / SCENARIO, tomli_w.dumps(population.assumptions))
    manifest = {
        "evidence": population.evidence,
        "label": LABEL if of_report(population.analysis) else OWN_LABEL,
        "population": population.name,
        "analysis": population.analysis.name,
        "analysis_sha256": fingerprint(population.analysis),
        "facts_sha256": facts_sha256(),
        "seed": population.seed,
        "referrals": len(population.referrals),
        "truth": None if population.truth is None else asdict(population.truth),
        "versions": {name: version(name) for name in ("sofs-bayes", "numpy", "pandas", "duckdb")},
    }
    write_manifest(folder, manifest, written_by="simulate")


def _write_children(population: Population, path: Path, format: Format) -> None:
    labelled = population.referrals.assign(evidence=population.evidence)
    match format:
        case "parquet":
            _write_parquet(labelled, population, path)
        case "csv":
            labelled.to_csv(path, index=False, lineterminator="\n", date_format="%Y-%m-%d")
        case "stata":
            dates = list(labelled.select_dtypes("datetime").columns)
            texts = list(map(str, labelled.select_dtypes("str").columns))
            labelled.astype(dict.fromkeys(texts, object)).to_stata(
                path,
                write_index=False,
                convert_dates=dict.fromkeys(dates, "td"),
                time_stamp=STAMP,
                data_label="synthetic: simulated children",
                version=118,
            )


def _write_parquet(labelled: pd.DataFrame, population: Population, path: Path) -> None:
    label = {
        "evidence": population.evidence,
        "analysis": population.analysis.name,
        "analysis_sha256": fingerprint(population.analysis),
    }
    metadata = ", ".join(f"{key}: {literal(value)}" for key, value in label.items())
    dates = ", ".join(
        f'CAST("{name}" AS DATE) AS "{name}"' for name in labelled.select_dtypes("datetime").columns
    )
    with connected(threads=1) as connection, room_in(path.parent):
        connection.register("labelled", labelled)
        connection.execute(
            f"COPY (SELECT * REPLACE ({dates}) FROM labelled) TO {literal(str(path))}"
            f" (FORMAT parquet, COMPRESSION zstd, KV_METADATA {{{metadata}}})"
        )


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
