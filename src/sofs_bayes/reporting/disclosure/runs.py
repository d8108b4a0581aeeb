"""A Run → the Run that may leave a secure setting, and a log of what was done to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sofs_bayes.reporting.disclosure.arm_counts import (
    ArmCount,
    Key,
    arm_counts,
    hidden_counts,
    small_in_all,
)
from sofs_bayes.reporting.disclosure.authorities import Authorities, authorities
from sofs_bayes.reporting.disclosure.log import LogLine
from sofs_bayes.reporting.disclosure.rules import OutputRule
from sofs_bayes.reporting.disclosure.run_files import Clearing, rows_of
from sofs_bayes.reporting.run_folder import Run

# Evidence whose numbers are public already.
PUBLIC: Mapping[str, str] = {
    "published": "printed in the report: public already",
    "published-inferred": "computed from the printed report alone: no children's records behind it",
    "open-data": "computed from published statistics of whole authorities: public already",
}
RUN = "the whole run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """The counts of a run that leave: the ledger against which later exports are checked."""

    analysis: str
    children: str
    evidence: str
    counts: tuple[ArmCount, ...]


def cleared(
    run: Run, rule: OutputRule | None = None, *, earlier: Sequence[Released] = ()
) -> tuple[Run, tuple[LogLine, ...]]:
    """The run without what may not leave, with sentences on what is missing, and the log.

    Runs of children, synthetic ones too, so that a rehearsal is complete. Others pass.

    Parameters
    ----------
    rule
        Default: the usual rules, threshold 10.
    earlier
        What is out already, or leaves together with this run; of the same children and evidence
        counts.

    Returns
    -------
    Run, log
        A run without any results if it is refused as a whole (`refused`).
    """
    rule = rule or OutputRule()
    name = run.analysis.name
    if run.evidence in PUBLIC:
        line = LogLine(
            output=name,
            what=f"run, evidence {run.evidence}",
            rule=PUBLIC[run.evidence],
            result="passed",
        )
        return run, (line,)
    counts = arm_counts(rows_of(run, "arm_years"))
    others = [each.counts for each in earlier if _same_children(each, run)]
    whole = (_degrees(run, counts, rule), _apart(name, counts, others, rule))
    log = [line for line in whole if line]
    if any(line.result == "refused" for line in log):
        return _emptied(run, log), tuple(log)
    who = authorities(rows_of(run, "authority_sizes"), rule)
    few = _years_of_few(run, who, rule)
    found = Clearing(
        run=run,
        rule=rule,
        who=who,
        few=few,
        hidden=hidden_counts(
            counts,
            rule,
            contributions=_contributions(run),
            earlier=others,
            few_authorities={("pilot", str(year)) for year in few},
        ),
        counts=counts,
        log=log,
        withheld=[],
        unshown={},
    )
    return found.cleared(), tuple(found.log)


def cleared_together(
    runs: Sequence[Run], rule: OutputRule | None = None, *, earlier: Sequence[Released] = ()
) -> tuple[tuple[Run, ...], tuple[LogLine, ...]]:
    """Runs that leave together: each also judged beside those before it, and earlier exports."""
    out: list[Run] = []
    log: list[LogLine] = []
    known = list(earlier)
    for run in runs:
        one, lines = cleared(run, rule, earlier=known)
        out.append(one)
        log += lines
        if not refused(lines):
            known.append(released(one))
    return tuple(out), tuple(log)


def refused(log: Sequence[LogLine]) -> str:
    """Why a whole run may not leave; empty if it may."""
    return next(
        (line.rule for line in log if line.result == "refused" and line.what.startswith(RUN)), ""
    )


def released(run: Run) -> Released:
    """The counts that a cleared run shows."""
    return Released(
        analysis=run.analysis.name,
        children=children_of(run),
        evidence=run.evidence,
        counts=() if run.evidence in PUBLIC else arm_counts(rows_of(run, "arm_years")),
    )


def children_of(run: Run) -> str:
    """The name of the analysis of children's records that a run rests on; empty if on none."""
    children = getattr(run.analysis, "children", None)
    return "" if children is None else str(children.name)


def _same_children(earlier: Released, run: Run) -> bool:
    return (earlier.children, earlier.evidence) == (children_of(run), run.evidence)


def _emptied(run: Run, log: Sequence[LogLine]) -> Run:
    reasons = tuple(f"Refused by disclosure control: {line.rule}." for line in log)
    return replace(
        run,
        effects=(),
        probabilities=(),
        extra={},
        diagnostics={**run.diagnostics, "fits": {}},
        posterior=None,
        withheld=reasons,
    )


def _degrees(run: Run, counts: Sequence[ArmCount], rule: OutputRule) -> LogLine:
    """Children less parameters, and authorities: a model that fits each exactly shows each."""
    children = sum(count.children for count in counts if count.year in ("before", "after"))
    fits = run.diagnostics.get("fits", {}).values()
    parameters = max((fit.get("quantities", 0) for fit in fits), default=0)
    named = {row.authority for row in rows_of(run, "authority_sizes")}
    named |= {row.authority for row in rows_of(run, "authority_loo")}
    parameters = max(parameters, len(named) + 1)
    enough = children - parameters >= rule.degrees_of_freedom
    return LogLine(
        output=run.analysis.name,
        what=f"{RUN}, evidence {run.evidence}",
        rule=f"at least {rule.degrees_of_freedom} residual degrees of freedom (children less"
        " parameters)",
        result="passed" if enough else "refused",
        affected=0 if enough else 1,
        action="nothing"
        if enough
        else ("not exported" if children else "not exported: number of children not known"),
    )


def _apart(
    name: str,
    counts: Sequence[ArmCount],
    others: Sequence[Sequence[ArmCount]],
    rule: OutputRule,
) -> LogLine | None:
    """Whether the run and another one differ by so few children that both would show them."""
    if not others:
        return None
    few = any(
        small_in_all(
            [count for count in counts if count.arm == arm],
            [count for count in other if count.arm == arm],
            rule,
        )
        for other in others
        for arm in ("pilot", "comparator")
    )
    return LogLine(
        output=name,
        what=RUN,
        rule=f"differs from another export by at least {rule.threshold} children of an arm, or by"
        " none",
        result="refused" if few else "passed",
        affected=int(few),
        action="not exported: beside the other export it shows the children they do not share"
        if few
        else "nothing",
    )


def _years_of_few(run: Run, who: Authorities, rule: OutputRule) -> frozenset[int]:
    """Years that one or two pilots make up, unless every authority may be shown by name."""
    named = {row.authority for row in rows_of(run, "authority_loo")}
    if who.may_leave and not who.reasons and named <= who.may_leave:
        return frozenset()
    rows = rows_of(run, "yearly_rates")
    return frozenset(row.year for row in rows if row.pilots <= rule.contributors)


def _contributions(run: Run) -> Mapping[Key, tuple[float, ...]]:
    found: dict[Key, tuple[float, ...]] = {}
    for row in rows_of(run, "authority_sizes"):
        key = (row.arm, row.period)
        found[key] = (*found.get(key, ()), float(row.referrals))
    return found
