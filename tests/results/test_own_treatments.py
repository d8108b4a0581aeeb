"""Own weights, calendar years and treatments in own words, from records to a posterior."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.other_study import CHILDREN, LINEAR, make
from tests.other_study.wording import in_folder, of_this_study, text_of
from tests.results.conftest import MakeEffect
from tests.rows import of_effect

from sofs_bayes import spec
from sofs_bayes.cli import main
from sofs_bayes.pages.answer import size_sentence
from sofs_bayes.pages.page import OPEN_COUNTS, credits_of
from sofs_bayes.runs.run_folder import Run, read
from sofs_bayes.spec.keys import AFTER, AT_VALUE, NOT_TOLD_APART, PER_UNIT, TOLD_APART, Role
from sofs_bayes.tables.contents.design import rates_table
from sofs_bayes.tables.contents.effects import effects_table
from sofs_bayes.tables.contents.hierarchical_checks import arm_years_table
from sofs_bayes.tables.contents.publication import NothingToShow, publication_tables
from sofs_bayes.tables.formats import to_markdown

TREATMENTS = {
    "Score": '{ kind = "score", column = "fidelity", label = "Fidelity" }',
    "Kinds": '{ kind = "comparators", column = "hubs", label = "Hubs", others = "None" }',
    "Modifier": '{ kind = "modifier", column = "deprivation", label = "Poverty" }',
}
MODIFIER = 'effect_modifier = { mean = 0.0, sd = 0.01, why = "A point per unit at most." }'
# By column: each effect that a regression has a term of, the term, and its sign.
TERMS: dict[str, dict[Role, tuple[str, int]]] = {
    "Score": {PER_UNIT: ("score of the treatment × post", 1)},
    "Kinds": {
        TOLD_APART: ("comparators told apart × post", -1),
        NOT_TOLD_APART: ("other comparators × post", -1),
    },
    "Modifier": {},  # the term `did` is the effect where the modifier is 0, which no row is
}
WORDS = {
    "Score": "The score is “Fidelity”.",
    "Kinds": "Comparators of the first kind: “Hubs”; of the second: “None”.",
    "Modifier": "The modifier is “Poverty”.",
}
FINANCIAL = re.compile(r"\b20\d\d/\d\d\b|[Ff]inancial year")


@dataclass(frozen=True)
class Own:
    """A folder of records, analyses, what was matched and the regressions."""

    folder: Path

    def file(self, column: str) -> Path:
        return self.folder / f"{column.lower()}.toml"

    def regression(self, column: str, term: str) -> float:
        fits = pd.read_csv(self.folder / "replicated" / "fits.csv")
        own = fits[(fits["regression"] == column) & (fits["term"] == term)]
        return float(own["coefficient"].item())


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Own:
    folder = tmp_path_factory.mktemp("posteriors")
    records = folder / "records"
    make.write(records)
    rng = np.random.default_rng(1)
    children = pd.read_csv(records / "referrals.csv", dtype=str, keep_default_na=False)
    weights = rng.uniform(0.5, 2.0, len(children)).round(3)
    children.assign(how_much=weights).to_csv(records / "referrals.csv", index=False)
    authorities = pd.read_csv(records / "authorities.csv")
    last = authorities[authorities["fin_year"] == make.YEARS[-1]]
    authorities = pd.concat([authorities, last.assign(fin_year=make.YEARS[-1] + 1)])
    at = authorities["council"].map({name: i for i, name in enumerate(make.PILOTS)})
    others = authorities["council"].map({name: i % 2 for i, name in enumerate(make.COMPARATORS)})
    authorities.assign(fidelity=(0.3 + 0.15 * at).fillna(0), hubs=others.fillna(0)).to_csv(
        records / "authorities.csv", index=False
    )
    (folder / "plans-children.toml").write_text(_children(), encoding="utf-8")
    for column in TREATMENTS:
        (folder / f"{column.lower()}.toml").write_text(_model(column), encoding="utf-8")
    analysis = str(folder / "plans-children.toml")
    for verb, data, output in (
        ("match", "records", "matched"),
        ("replicate", "matched", "replicated"),
    ):
        assert main([verb, analysis, str(folder / data), "-o", str(folder / output)]) == 0
    return Own(folder)


def _children() -> str:
    text, _, _ = CHILDREN.read_text("utf-8").partition("[[regressions.columns]]")
    for before, after in (
        ('outcome_date = "plan_start"', 'outcome_date = "plan_start"\nweight = "how_much"'),
        ("[matching]", '[matching]\nown_weights = "count"'),
        ("years = [2015,", "year_begins = 1\nyears = [2015,"),
        ("2022]", "2022, 2023]"),
        (
            "[matching]",
            '[[records.authority_covariates]]\nname = "fidelity"\n\n'
            '[[records.authority_covariates]]\nname = "hubs"\n\n[matching]',
        ),
    ):
        assert before in text
        text = text.replace(before, after, 1)
    columns = (
        f'[[regressions.columns]]\nname = "{name}"\nmodel = "linear"\ntreatment = {treatment}\n'
        for name, treatment in TREATMENTS.items()
    )
    return text + "\n".join(columns)


def _model(column: str) -> str:
    text = LINEAR.read_text("utf-8").replace('column = "Linear"', f'column = "{column}"')
    if column == "Modifier":
        text = text.replace("[effect_priors]", f"{MODIFIER}\n\n[effect_priors]")
    text = text.replace('"plans-linear"', f'"plans-{column.lower()}"')
    return text.replace("tune = 500\ndraws = 600", "tune = 100\ndraws = 100").replace(
        "chains = 4", "chains = 2"
    )


def run_of(own: Own, column: str, made: Run, effect: MakeEffect) -> Run:
    """A run of a column's analysis, with an effect for each role."""
    analysis = spec.load(own.file(column))
    assert isinstance(analysis, spec.HierarchicalAnalysis)
    roles = (*TERMS[column], AFTER)
    effects = tuple(effect("pooled", 0.01, 0.02, **of_effect(role)) for role in roles)
    return replace(made, analysis=analysis, effects=effects, evidence="records", withheld=())


@pytest.mark.parametrize("column", TREATMENTS)
def test_own_regressions_stand_beside_own_effects_with_their_sign(
    column: str, own: Own, hierarchical_run: Run, effect: MakeEffect
) -> None:
    run = run_of(own, column, hierarchical_run, effect)
    table, _ = publication_tables("report", [run], beside=[own.folder / "replicated"])
    lines = [line for line in to_markdown(table).splitlines() if "regression (" in line]
    assert len(lines) == len(TERMS[column])
    for line, (term, sign) in zip(lines, TERMS[column].values(), strict=True):
        shown = f"{100 * sign * own.regression(column, term):+.2f} pp".replace(
            "-", "\N{MINUS SIGN}"
        )
        assert shown in line
        lower, upper = (
            float(each.replace("\N{MINUS SIGN}", "-"))
            for each in line.partition("pp (")[2].partition(")")[0].split(" to ")
        )
        assert lower < upper
    assert WORDS[column] in table.notes
    assert WORDS[column] in effects_table(run, scale="risk").notes


def test_without_a_single_effect_there_is_nothing_to_compare(
    own: Own, hierarchical_run: Run, effect: MakeEffect
) -> None:
    run = run_of(own, "Score", hierarchical_run, effect)
    with pytest.raises(NothingToShow, match="found plans-score; allowed: a run with a single eff"):
        publication_tables("comparison", [run], beside=[own.folder / "replicated"])


def test_two_effects_of_one_run_are_no_two_readings_of_print(
    own: Own, hierarchical_run: Run, effect: MakeEffect
) -> None:
    run = run_of(own, "Kinds", hierarchical_run, effect)
    first, second, *_ = run.effects
    said = size_sentence(replace(run, effects=(first, replace(second, median=0.015))))
    assert "whichever comparators stand beside" in said
    assert of_this_study(said) == []


def test_regressions_are_told_in_own_words(own: Own) -> None:
    page = text_of(own.folder / "replicated" / "index.html")
    assert "Fidelity × post: wild cluster bootstrap" in " ".join(page.split())
    for word in ("score of the treatment", "told apart", "modifier of the effect"):
        assert word not in page
    assert in_folder(own.folder / "replicated") == {}


def test_years_that_begin_in_january_are_called_by_one_number(
    own: Own, hierarchical_run: Run, effect: MakeEffect
) -> None:
    run = run_of(own, "Score", hierarchical_run, effect)
    for table, there in (
        (arm_years_table, "Calendar year, or period"),
        (rates_table, "Calendar year"),
    ):
        headings = [column.heading for column in table(run).columns]
        assert there in headings
        assert not FINANCIAL.search(" ".join(headings))
        assert FINANCIAL.search(" ".join(c.heading for c in table(hierarchical_run).columns))
    for name in ("matched", "replicated"):
        for path in (own.folder / name).rglob("*.*"):
            assert not FINANCIAL.search(text_of(path)), path


def test_own_counts_are_credited_to_nobody() -> None:
    counts = [spec.load("icpc-open-data")]
    assert OPEN_COUNTS in credits_of(counts, ["open-data"])
    assert OPEN_COUNTS not in credits_of(counts, [None, "unknown-origin"])


@pytest.mark.long  # each compiles a graph of its own
@pytest.mark.parametrize("column", TREATMENTS)
def test_own_treatments_come_to_a_posterior(column: str, own: Own, tmp_path: Path) -> None:
    run, matched, report = tmp_path / "run", own.folder / "matched", tmp_path / "report"
    assert main(["fit", str(own.file(column)), str(matched), "--quick", "-o", str(run)]) in (0, 1)
    found = read(run)
    roles = {row.role for row in found.effects}
    assert roles >= {*TERMS[column]}
    if column == "Modifier":
        asked = {row.rating for row in found.effects if row.role == AT_VALUE}
        assert len(asked) == 3  # quartiles: hardly any value is whole
    beside = str(own.folder / "replicated")
    for kind in ("effects", "report"):
        assert main(["effects", str(run), "--table", kind, "--beside", beside]) in (0, 1)
    assert main(["effects", str(run), "--table", "comparison", "--beside", beside]) == 2
    assert main(["report", str(run), "--beside", beside, "-o", str(report)]) in (0, 1)
    assert in_folder(report) == {}
    for name in report.rglob("*.*"):
        assert not FINANCIAL.search(text_of(name)), name
