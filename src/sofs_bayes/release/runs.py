"""A Run → the Run that may leave a secure setting, and a log of what was done to it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from sofs_bayes.checks.registry.leaving_out import AuthorityLooRow
from sofs_bayes.checks.registry.predictions import ArmYearCheck
from sofs_bayes.disclosure.arm_counts import ArmCount, Key, arm_counts, hidden_counts
from sofs_bayes.disclosure.authorities import PERIODS, Authorities, authorities
from sofs_bayes.disclosure.ledger import Released
from sofs_bayes.disclosure.linked import differs_by_few
from sofs_bayes.disclosure.log import LogLine
from sofs_bayes.disclosure.origin import published_where, vouched_for
from sofs_bayes.disclosure.rules import OutputRule
from sofs_bayes.estimands.rows import AuthoritySizeRow, YearlyRateRow
from sofs_bayes.release.run_files import Clearing, without_children
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import OpenAnalysis

# Counts of released cells, in the middle of their bounds, are rounded by arm and year.
ROUNDED = 1


def cleared(
    run: Run,
    rule: OutputRule | None = None,
    *,
    earlier: Sequence[Released] = (),
    place: Callable[[str], str] | None = None,
) -> tuple[Run, tuple[LogLine, ...]]:
    """The run without what may not leave, with sentences on what is missing, and the log.

    Runs of children, synthetic ones too, so that a rehearsal is complete, and of counts of
    unknown origin. Others pass.

    Parameters
    ----------
    rule
        Default: the usual rules, threshold 10.
    earlier
        What is out already, or leaves together with this run; what is of the same children
        counts, whatever it is called.
    place
        What the log calls a file of the run, by its name without ending; empty: the whole run.

    Returns
    -------
    Run, log
        A run without any results if it is refused as a whole (`refused`).
    """
    rule = rule or OutputRule()
    name = run.analysis.name
    place = place or (lambda part: f"{name}: {part}" if part else name)
    whole = _whole(run, place(""))
    if whole.rule:
        return without_children(run), (whole,)
    counts = arm_counts(run.rows(ArmYearCheck))
    same = beside(run, earlier)
    log = [_degrees(whole, run, counts, rule), *_apart(whole, counts, same, rule)]
    if refused(log):
        return _emptied(run, log), tuple(log)
    who = authorities(run.rows(AuthoritySizeRow), rule)
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
            earlier=[each.counts for each in same if each.counts],
            few_authorities={("pilot", str(year)) for year in few},
        ),
        counts=counts,
        log=log,
        place=place,
    )
    return found.cleared(), tuple(found.log)


def _whole(run: Run, output: str) -> LogLine:
    """The line on a whole run, passed where it is public already; else its rule is empty."""
    return LogLine(
        output=output,
        what=f"the whole run, evidence {run.evidence}",
        rule=published_where(run.evidence, run.analysis),
        result="passed",
        vouched=vouched_for(run.analysis, run.inputs),
        about="run",
    )


def cleared_together(
    runs: Sequence[Run], rule: OutputRule | None = None, *, earlier: Sequence[Released] = ()
) -> tuple[tuple[Run, ...], tuple[tuple[LogLine, ...], ...], tuple[Released, ...]]:
    """Runs that leave together: each also judged beside those before it, and earlier exports.

    Returns
    -------
    runs, logs, told
        A log for each run; what they tell, for the ledger.
    """
    out: list[Run] = []
    logs: list[tuple[LogLine, ...]] = []
    known = list(earlier)
    for run in runs:
        one, lines = cleared(run, rule, earlier=known)
        out.append(one)
        logs.append(lines)
        if not refused(lines):
            known.append(released(one, of=run, earlier=known))
    return tuple(out), tuple(logs), tuple(known[len(earlier) :])


def refused(log: Sequence[LogLine]) -> str:
    """Why a whole run may not leave; empty if it may."""
    found = (line.rule for line in log if (line.about, line.result) == ("run", "refused"))
    return next(found, "")


def released(run: Run, *, of: Run | None = None, earlier: Sequence[Released] = ()) -> Released:
    """What a cleared run tells.

    Nothing, where it tells nothing that is not public, or was made from cells that are out.

    Parameters
    ----------
    of
        The run before it was cleared; default: the run itself.
    """
    whole = run if of is None else of
    one = identity(whole)
    public = published_where(run.evidence, run.analysis)
    if public or _from_released_cells(whole, earlier):
        return one
    return replace(one, counts=arm_counts(run.rows(ArmYearCheck)))


def identity(run: Run) -> Released:
    """Whose children a run is of, without any count."""
    return Released(
        analysis=run.analysis.name,
        evidence=run.evidence,
        inputs=tuple(sorted(run.inputs.values())),
        authorities=tuple(sorted({row.authority for row in run.rows(AuthoritySizeRow)})),
        years=tuple(
            sorted({row.year for row in run.rows(ArmYearCheck) if row.year not in PERIODS})
        ),
    )


def beside(run: Run, earlier: Sequence[Released]) -> list[Released]:
    """What of the same children is out already; nothing beside a run of released cells."""
    if _from_released_cells(run, earlier):
        return []
    own = identity(run)
    return [each for each in earlier if own.shares_children(each)]


def _from_released_cells(run: Run, earlier: Sequence[Released]) -> bool:
    """Whether a run was made from cells that are out, by its counts: no word in a file says so.

    It tells nothing then that they do not tell.
    """
    counts = {each.key: each.children for each in arm_counts(run.rows(ArmYearCheck))}
    for each in earlier:
        there = {count.key: count.children for count in each.outside}
        inside = bool(counts) and counts.keys() <= there.keys()
        if inside and all(abs(n - there[key]) <= ROUNDED for key, n in counts.items()):
            return True
    return False


def _emptied(run: Run, log: Sequence[LogLine]) -> Run:
    reasons = tuple(f"Refused by disclosure control: {line.rule}." for line in log)
    return replace(
        run,
        effects=(),
        probabilities=(),
        sensitivity=(),
        beside={},
        diagnostics={**run.diagnostics, "fits": {}},
        posterior=None,
        withheld=reasons,
    )


def _degrees(whole: LogLine, run: Run, counts: Sequence[ArmCount], rule: OutputRule) -> LogLine:
    """Children less parameters, and authorities: a model that fits each exactly shows each."""
    sizes = [row for row in run.rows(AuthoritySizeRow) if row.period in PERIODS]
    children = sum(count.children for count in counts if count.year in PERIODS)
    if not counts:  # counts of whole authorities have no arms by year
        children = sum(row.referrals for row in sizes if isinstance(run.analysis, OpenAnalysis))
    fits = run.diagnostics.get("fits", {}).values()
    parameters = max((fit.get("quantities", 0) for fit in fits), default=0)
    named = {row.authority for row in run.rows(AuthoritySizeRow)}
    named |= {row.authority for row in run.rows(AuthorityLooRow)}
    parameters = max(parameters, len(named) + 1)
    told = "not exported" if children else "not exported: number of people not known"
    return _judged(
        whole,
        f"at least {rule.degrees_of_freedom} residual degrees of freedom (people less parameters)",
        "" if children - parameters >= rule.degrees_of_freedom else told,
    )


def _apart(
    whole: LogLine, counts: Sequence[ArmCount], same: Sequence[Released], rule: OutputRule
) -> Iterator[LogLine]:
    """Whether the run and another one differ by so few children that both would show them."""
    if any(each.totals for each in same):
        told = "not exported: beside the other export it shows the people they do not share"
        yield _judged(
            whole,
            f"differs from another export by at least {rule.threshold} people of an arm, or by"
            " none",
            told if differs_by_few(counts, same, rule) else "",
        )


def _judged(whole: LogLine, rule: str, action: str) -> LogLine:
    """The line on a whole run, passed by a rule, or refused with what is said of that."""
    line = replace(whole, rule=rule)
    return replace(line, result="refused", affected=1, action=action) if action else line


def _years_of_few(run: Run, who: Authorities, rule: OutputRule) -> frozenset[int]:
    """Years that one or two pilots make up, unless each year of each may be shown by name."""
    named = {row.authority for row in run.rows(AuthorityLooRow)}
    if who.may_leave and who.all_large and named <= who.may_leave:
        return frozenset()
    rows = run.rows(YearlyRateRow)
    return frozenset(row.year for row in rows if row.pilots <= rule.contributors)


def _contributions(run: Run) -> Mapping[Key, tuple[float, ...]]:
    found: dict[Key, tuple[float, ...]] = {}
    for row in run.rows(AuthoritySizeRow):
        key = (row.arm, row.period)
        found[key] = (*found.get(key, ()), float(row.referrals))
    return found
