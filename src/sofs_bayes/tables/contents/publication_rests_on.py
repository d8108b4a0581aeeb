"""Runs → the counts behind each column of a table in the report's layout."""

from sofs_bayes.checks.registry.leaving_out import AuthorityLooRow
from sofs_bayes.checks.registry.predictions import ArmYearCheck
from sofs_bayes.estimands.rows import AuthoritySizeRow
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec.study import printed_in
from sofs_bayes.tables.contents.publication_groups import FROM, ReportGroup, headings
from sofs_bayes.tables.contents.publication_numbers import overall
from sofs_bayes.tables.model import Column, Table

PERIODS = ("before", "after")


def authorities(run: Run) -> str:
    """The numbers of pilots and comparators of a run; nothing where it does not say."""
    pilots, comparators = _of_arm(run, "pilot"), _of_arm(run, "comparator")
    return f"{pilots} + {comparators}" if pilots and comparators else ""


def _of_arm(run: Run, arm: str) -> int | None:
    """How many authorities an arm has; None where the run does not say.

    Nor where a disclosure check withheld something of authorities: then not all may be left.
    """
    sizes, left = run.rows(AuthoritySizeRow), run.rows(AuthorityLooRow)
    found = {row.authority for row in sizes if row.arm == arm}
    found |= {row.authority for row in left if row.arm == arm}
    all_left = not any("authorit" in note for note in run.withheld)
    return len(found) if found and all_left else None


def _referrals(run: Run, arm: str) -> int | None:
    """The matched referrals of an arm, before and after; None where the run does not say both.

    Not the sum of its years, of which some may be withheld.
    """
    rows = [
        row
        for row in run.rows(ArmYearCheck)
        if (row.kind, row.arm) == ("posterior", arm) and row.year in PERIODS
    ]
    return sum(row.children for row in rows) if len(rows) == len(PERIODS) else None


def rests_on_table(group: ReportGroup) -> Table:
    """Counts behind each column: in columns of their own, which a disclosure check can read."""
    lines = [
        (
            heading,
            column.run.analysis.name,
            _referrals(column.run, "pilot"),
            _referrals(column.run, "comparator"),
            _of_arm(column.run, "pilot"),
            _of_arm(column.run, "comparator"),
            column.run.prior,
            column.run.status,
        )
        for heading, column in zip(headings(group), group.columns, strict=True)
    ]
    return Table(
        name=f"counts-{group.key}-{group.evidence}",
        title=f"Sources of the columns: {group.about}, {FROM[group.evidence]}",
        columns=(
            Column(key="column", heading="Column"),
            Column(key="analysis", heading="Analysis"),
            Column(
                key="pilot_referrals",
                heading="Matched referrals: pilots'",
                format="integer",
                holds="children",
            ),
            Column(
                key="comparator_referrals",
                heading="comparators'",
                format="integer",
                holds="children",
            ),
            Column(key="pilots", heading="Pilots", format="integer"),
            Column(key="comparators", heading="Comparators", format="integer"),
            Column(key="prior", heading="Prior of the effect"),
            Column(key="status", heading="Draws"),
        ),
        rows=tuple(lines) if any(set(line[2:6]) != {None} for line in lines) else (),
        evidence=group.evidence,
        study=printed_in(group.columns[0].run.analysis),
        notes=(
            "A referral counts once in each matched group that it stands in.",
            *dict.fromkeys(note for column in group.columns for note in column.run.withheld),
        ),
        status=overall(column.run.status for column in group.columns),
    )
