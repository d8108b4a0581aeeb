"""The files of a run, one by one, without the rows that may not leave."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from sofs_bayes.checks.registry import FILES
from sofs_bayes.checks.registry.leaving_out import LooRow, LooSummary
from sofs_bayes.checks.registry.predictions import ArmYearCheck
from sofs_bayes.disclosure.arm_counts import ArmCount, HiddenCounts, Key
from sofs_bayes.disclosure.authorities import PERIODS, Authorities
from sofs_bayes.disclosure.log import LogLine, Result
from sofs_bayes.disclosure.posteriors import cleared_draws, reasons_text
from sofs_bayes.disclosure.rules import OutputRule
from sofs_bayes.estimands.rows import AuthoritySizeRow, YearlyRateRow
from sofs_bayes.release.single import authority_of, authority_year_of
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import PrintedAnalysis
from sofs_bayes.spec.keys import OF_AUTHORITY

# What every run has; its further files are those of the registry. Others are refused until
# somebody has judged what they show.
WHATS: Mapping[str, str] = {
    "effects": "effects, posterior summaries",
    "probabilities": "probabilities of effects",
    "sensitivity": "effects of refits",
}
SINGLE = "no result of a single authority below the threshold, or of unknown size"
EXTREMES = frozenset({"minimum", "maximum", "min", "max", "smallest", "largest", "extreme"})
LARGEST = "largest of the pilots' effects"


def without_children(run: Run) -> Run:
    """A run of public numbers, of known kinds alone; print has nothing by arm or authority."""
    printed = isinstance(run.analysis, PrintedAnalysis)
    kept = {
        kind: rows
        for kind, rows in run.beside.items()
        if kind in FILES and (not printed or FILES[kind].of == "effects")
    }
    return run if len(kept) == len(run.beside) else replace(run, beside=kept)


@dataclass(slots=True, kw_only=True)
class Clearing:
    """One run on its way out; `log`, `withheld` and `unshown` are filled.

    `place` is what the log calls a file, by its name without ending.
    """

    run: Run
    rule: OutputRule
    who: Authorities
    few: frozenset[int]
    hidden: HiddenCounts
    counts: Sequence[ArmCount]
    log: list[LogLine]
    place: Callable[[str], str]
    withheld: list[str] = field(default_factory=list)
    unshown: dict[str, None] = field(default_factory=dict)

    def cleared(self) -> Run:
        """The run, file by file."""
        run = self.run
        effects = self.of_single("effects", run.effects)
        probabilities = self.of_single("probabilities", run.probabilities)
        if len(effects) < len(run.effects):
            probabilities = self.without_largest(probabilities)
        sensitivity = self.of_single("sensitivity", run.sensitivity)
        judged = {kind: self.beside(kind, rows) for kind, rows in run.beside.items()}
        posterior = None
        if run.posterior is not None:
            draws = cleared_draws(
                run.posterior,
                output=self.place("posterior"),
                may_leave=self.who.may_leave,
                reasons=self.who.reasons,
                vouched=self.log[0].vouched,
            )
            posterior = draws.tree
            self.log += draws.log
        if self.unshown:
            reasons = reasons_text(self.unshown, self.who.reasons)
            self.withheld.insert(0, f"Suppressed: results of single authorities: {reasons}.")
        return replace(
            run,
            effects=effects,
            probabilities=probabilities,
            sensitivity=sensitivity,
            beside={kind: rows for kind, rows in judged.items() if rows is not None},
            diagnostics=self.diagnostics(),
            posterior=posterior,
            withheld=tuple(dict.fromkeys((*run.withheld, *self.withheld))),
        )

    def write(
        self, name: str, rule: str, result: Result, affected: int = 0, action: str = "nothing"
    ) -> None:
        """Add a line to the log."""
        self.log.append(
            LogLine(
                output=self.place(name),
                what=_shown(name),
                rule=rule,
                result=result,
                affected=affected,
                action=action,
                vouched=self.log[0].vouched,
            )
        )

    def beside(self, kind: type, rows: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """The rows of a further file that may leave; None if it may not."""
        kept = FILES.get(kind)
        name, shows = (kind.__name__,) * 2 if kept is None else (kept.name, kept.shows)
        if extremes := [each.name for each in fields(kind) if each.name in EXTREMES]:
            rule = "no minima or maxima: they are single values"
            self.write(name, rule, "refused", len(rows), f"not exported: {', '.join(extremes)}")
            self.withheld.append(f"Suppressed: {shows} (smallest and largest values).")
            return None
        if kept is not None and kept.of == "counts":
            rule = "counts of whole authorities only where they are known to be public"
            self.write(name, rule, "refused", len(rows), "not exported: not known to be public")
            self.withheld.append(f"Suppressed: {shows} (not known to be public).")
            return None
        if kept is None:
            self.write(
                name, "a known kind of output", "refused", len(rows), "not exported: unknown kind"
            )
            self.withheld.append(f"Suppressed: {name} (no known kind of output).")
            return None
        own = {
            ArmYearCheck: self.arm_years,
            YearlyRateRow: self.yearly_rates,
            AuthoritySizeRow: self.authority_sizes,
        }
        if kind in own:
            return own[kind](rows)
        if kind is LooSummary and self.years_missing(self.run.rows(LooRow)):
            rule = "no total of which single authorities' shares are suppressed"
            self.write(name, rule, "suppressed", len(rows), "rows removed (complementary)")
            self.withheld.append("Suppressed: leave-one-out over all authorities (its total).")
            return ()
        return self.of_years(name, self.of_single(name, rows))

    def unnamed(self, rows: Sequence[Any]) -> dict[str, None]:
        """Single authorities in the rows that may not be shown."""
        named = (authority_of(row) for row in rows)
        return dict.fromkeys(n for n in named if n is not None and n not in self.who.may_leave)

    def years_missing(self, rows: Sequence[Any]) -> bool:
        """Whether some of the authority-years may not be shown."""
        return any(authority_year_of(row) not in self.who.years for row in rows)

    def of_single(self, name: str, rows: tuple[Any, ...]) -> tuple[Any, ...]:
        """The rows without those of single authorities that may not be shown."""
        left = self.unnamed(rows)
        if not left:
            self.write(name, SINGLE, "passed")
            return rows
        kept = tuple(row for row in rows if authority_of(row) not in left)
        reasons = reasons_text(left, self.who.reasons)
        self.write(name, SINGLE, "suppressed", len(rows) - len(kept), f"rows removed: {reasons}")
        self.unshown.update(left)
        return kept

    def of_years(self, name: str, rows: tuple[Any, ...]) -> tuple[Any, ...]:
        """The rows without authority-years that are below the threshold, or of unknown size."""
        named = [authority_year_of(row) for row in rows]
        kept = tuple(
            row for row, of in zip(rows, named, strict=True) if of is None or of in self.who.years
        )
        if not any(named):
            return rows
        rule = "no authority's year below the threshold, or of unknown size"
        if len(kept) == len(rows):
            self.write(name, rule, "passed")
            return rows
        self.write(name, rule, "suppressed", len(rows) - len(kept), "rows removed")
        self.withheld.append(f"Suppressed: {_shown(name)}: authorities' years of few rows.")
        return kept

    def without_largest(self, rows: tuple[Any, ...]) -> tuple[Any, ...]:
        """Probabilities without those that add up to 1 over all pilots."""
        kept = tuple(row for row in rows if row.statement != LARGEST)
        if len(kept) < len(rows):
            rule = "no share of a total of which another share is suppressed"
            action = f"rows removed (complementary): “{LARGEST}”"
            self.write("probabilities", rule, "suppressed", len(rows) - len(kept), action)
        return kept

    def arm_years(self, rows: tuple[Any, ...]) -> tuple[Any, ...]:
        """Without the arms' years that may not be shown, nor what would tell them."""
        threshold = self.rule.threshold
        cases = (
            (
                f"at least {threshold} people, events and people without an event (a rate"
                " times its people is a count)",
                self.hidden.small,
                "suppressed",
            ),
            (
                "no arm or year of which one or two authorities make up nearly all",
                self.hidden.dominated,
                "",
            ),
            (
                f"no group of fewer than {threshold} by the difference from another export",
                self.hidden.differences,
                "",
            ),
            (
                "nothing suppressed follows from totals before and after",
                self.hidden.complementary,
                "complementary",
            ),
        )
        for rule, keys, word in cases:
            if keys:
                note = f" ({word})" if word == "complementary" else ""
                action = f"rows removed{note}: {_listed(keys)}"
                self.write("arm_years", rule, "suppressed", len(keys), action)
            else:
                self.write("arm_years", rule, "passed")
        keys = self.hidden.keys
        if keys:
            self.withheld.append(f"Suppressed: numbers of people and rates of {_listed(keys)}.")
        return tuple(row for row in rows if (row.arm, row.year) not in keys)

    def yearly_rates(self, rows: tuple[Any, ...]) -> tuple[Any, ...]:
        """Without years of few pilots, and without rates that are suppressed by arm and year."""
        few = tuple(row for row in rows if row.year in self.few)
        kept = [row for row in rows if row.year not in self.few]
        rule = (
            f"no year of {self.rule.contributors} or fewer pilots (dominance), unless every"
            " authority may be shown by name"
        )
        years = ", ".join(dict.fromkeys(str(row.year) for row in few))
        if few:
            self.write("yearly_rates", rule, "suppressed", len(few), f"rows removed: {years}")
            self.withheld.append(f"Suppressed: rates of {years} (few pilots).")
        else:
            self.write("yearly_rates", rule, "passed")
        known = {count.key for count in self.counts} - self.hidden.keys
        seen = [row for row in kept if ("pilot", str(row.year)) in known]
        # A fitted rate is close to the observed one, so the whole row goes with it.
        shown = [
            row
            if ("comparator", str(row.year)) in known
            else replace(row, comparators=float("nan"))
            for row in seen
        ]
        gone = len(kept) - len(seen) + sum(a is not b for a, b in zip(seen, shown, strict=True))
        rule = "no rate of a year whose people or events are suppressed, or not known, elsewhere"
        if gone:
            action = "rows removed; gaps in place of comparators' rates"
            self.write("yearly_rates", rule, "suppressed", gone, action)
        else:
            self.write("yearly_rates", rule, "passed")
        return tuple(shown)

    def authority_sizes(self, rows: tuple[Any, ...]) -> tuple[Any, ...]:
        """As they are if all may be shown; else only that the others are large enough."""
        least = self.rule.threshold
        rule = f"at least {least} referrals, events and others in each period and year"
        if self.who.all_large and not self.hidden.keys:
            self.write("authority_sizes", rule, "passed")
            return rows
        kept = tuple(
            replace(row, referrals=2 * least, events=least)
            for row in rows
            if row.authority in self.who.may_leave
            and (row.period in PERIODS or (row.authority, row.period) in self.who.years)
        )
        self.unshown.update(self.unnamed(rows))
        action = "rows removed, and for the others a lower bound in place of each number"
        reasons = reasons_text(dict.fromkeys(self.who.reasons), self.who.reasons)
        named = f"{action}: {reasons}" if reasons else action
        self.write("authority_sizes", rule, "suppressed", len(rows), named)
        self.withheld.append("Numbers by authority: lower bounds in place of all.")
        return kept

    def diagnostics(self) -> Mapping[str, Any]:
        """The verdicts on fits, without those that went without an authority that is suppressed."""
        fits = self.run.diagnostics.get("fits", {})
        gone = []
        kept = {}
        for name, verdict in fits.items():
            if verdict["kind"] in OF_AUTHORITY and verdict["subject"] not in self.who.may_leave:
                gone.append(name)
            else:
                kept[name] = self._without_names(verdict)
        if gone:
            action = "verdicts on fits without them removed"
            self.write("diagnostics", SINGLE, "suppressed", len(gone), action)
        else:
            self.write("diagnostics", SINGLE, "passed")
        return {**self.run.diagnostics, "fits": kept}

    def _without_names(self, verdict: Mapping[str, Any]) -> Mapping[str, Any]:
        """The verdict with quantities of a suppressed authority named as such."""
        names = [*self.who.reasons, *self.unshown]
        failures = [
            {**failure, "quantity": "of a suppressed authority"}
            if any(name in str(failure["quantity"]) for name in names)
            else failure
            for failure in verdict.get("failures", ())
        ]
        return {**verdict, "failures": failures} if failures else verdict


def _shown(name: str) -> str:
    """What a file shows, by its name."""
    own = {kept.name: kept.shows for kept in FILES.values()}
    return WHATS.get(name) or own.get(name, name)


def _listed(keys: frozenset[Key]) -> str:
    arms: dict[str, list[str]] = {}
    for arm, year in sorted(keys):
        arms.setdefault(f"{arm}s", []).append(year)
    return "; ".join(f"{arm} {', '.join(years)}" for arm, years in arms.items())
