"""Merging: ever coarser cells, in a stated order, until enough of them may be released."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Literal

import pandas as pd

from sofs_bayes.cells.collapse import collapse
from sofs_bayes.cells.dataset import KEYS, Cells, frame_of
from sofs_bayes.cells.matched_source import band
from sofs_bayes.disclosure.cells import MOST_PATTERNS, Release, children_of, line, protect
from sofs_bayes.disclosure.ledger import Released
from sofs_bayes.disclosure.linked import clash, differs_anywhere
from sofs_bayes.disclosure.log import LogLine
from sofs_bayes.disclosure.products import narrowed, protect_products
from sofs_bayes.disclosure.rules import PLACE, OutputRule
from sofs_bayes.errors import BadInput
from sofs_bayes.records.referral_files import Evidence
from sofs_bayes.spec import ChildrenAnalysis

Kind = Literal["counts", "products"]
Merged = Literal["covariates", "years-since", "years"]
USUAL_ORDER: tuple[Merged, ...] = ("covariates", "years-since", "years")

# Suppressed counts are intervals to a model; of cross-products a linear model needs all.
MOST_SUPPRESSED: Mapping[Kind, float] = {"counts": 0.2, "products": 0.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How fine released cells are: their keys, and the children's covariates told apart."""

    by: tuple[str, ...]
    covariates: tuple[str, ...]

    def __str__(self) -> str:
        return f"cells by {', '.join(self.by)}; covariates: {', '.join(self.covariates) or 'none'}"


def merging_route(
    analysis: ChildrenAnalysis, what: Kind = "counts", order: Sequence[Merged] = USUAL_ORDER
) -> tuple[Step, ...]:
    """From all keys and covariates of the regressions (numbers in bands) to the coarsest cells.

    First the covariates go, the last named first; then years since settling-in; then, of counts,
    years: cross-products without years would serve no regression.

    Parameters
    ----------
    order
        What is merged, in another order; what is not named is kept.
    """
    steps = [Step(by=KEYS, covariates=analysis.regressions.covariates)]
    for each in order:
        last = steps[-1]
        if each == "covariates":
            fewer = range(len(last.covariates) - 1, -1, -1)
            steps += [replace(last, covariates=last.covariates[:k]) for k in fewer]
        elif each == "years" and what == "products":
            continue
        else:
            gone = {"years": "year", "years-since": "years_since"}[each]
            steps.append(replace(last, by=tuple(key for key in last.by if key != gone)))
    return tuple(steps)


def release(
    matched: Path | str | pd.DataFrame,
    analysis: ChildrenAnalysis,
    rule: OutputRule,
    *,
    what: Kind = "counts",
    route: Sequence[Step] | None = None,
    most_suppressed: float | None = None,
    earlier: Sequence[Released] = (),
    inputs: Sequence[str] = (),
    evidence: Evidence | None = None,
    memory: str = "1GB",
    threads: int | None = None,
) -> Release:
    """The finest cells of a route of which enough may be released.

    Counts by covariates and cross-products of covariates are never released together, as one
    would tell what is suppressed in the other.

    Parameters
    ----------
    what
        Counts by covariates, for any model; or cross-products with the counts of whole cells,
        for linear models.
    route
        From fine to coarse; default: `merging_route`.
    most_suppressed
        Largest share of cells (or patterns) of which something may be suppressed; default:
        `MOST_SUPPRESSED` of what is asked for.
    earlier
        What the ledger has: of the same children only cells that tell nothing more may leave.
    inputs
        SHA-256 of what the cells are made from, for the ledger.

    Raises
    ------
    BadInput
        Not even the coarsest cells may be released; an analysis with weights of its own; all that
        `collapse` refuses.
    """
    if analysis.records.columns.weight is not None:
        own = "own weights, which the check does not know how to judge"
        raise BadInput(PLACE, "records.columns.weight", own, "--no-check cells, which stay")
    how = _Collapsing(
        matched=matched,
        evidence=evidence,
        memory=memory,
        threads=threads,
        earlier=tuple(earlier),
        inputs=tuple(inputs),
    )
    steps = tuple(route or merging_route(analysis, what))
    most = MOST_SUPPRESSED[what] if most_suppressed is None else most_suppressed
    tried = (_counts if what == "counts" else _products)(how, analysis, rule, steps, most)
    released, years, clashed = _first(tried, how, rule, most)
    if released is not None:
        return released
    allowed = f"cells of which at most {most:.0%} are suppressed"
    allowed += ", by year, as linear models need" * (what == "products")
    if not clashed:
        allowed += f"; {years}"
    allowed += "; or counts, for logistic models" * (what == "products")
    if clashed:
        allowed += f", and tell nothing beside earlier releases of the same people ({clashed})"
    raise BadInput(PLACE, "", "nothing that may be released, however merged", allowed)


def _first(
    tried: "Tried", how: "_Collapsing", rule: OutputRule, most: float
) -> tuple[Release | None, str, str]:
    """The first step that may be released, with the log of those before; None if none may.

    Beside it what would keep years, and why the last one that was fine by
    itself could not leave beside what is out already.
    """
    log: list[LogLine] = []
    clashed, least = "", {True: 1.0, False: 1.0}  # by whether it is all that is suppressed
    for step, found in tried:
        whole = None if isinstance(found, float) else found
        share = found if isinstance(found, float) else found.suppressed
        if "year" in step.by and (whole is None or not whole.unprotected):
            least[whole is not None] = min(least[whole is not None], share)
        reason = _suppressed(found)
        if whole is not None and share <= most and not whole.unprotected:
            clashed = reason = how.clash(whole.told, rule)
            if not reason:
                lost = [] if "year" in step.by else [line(_for_years(least), 0, "merged")]
                return replace(whole, log=(*log, *lost, *whole.log)), "", ""
        count = 0 if whole is None else whole.cells.patterns.sizes["pattern"]
        log.append(line(f"{step}: {reason}", count, "not released: merged further"))
    return None, _for_years(least), clashed


def _for_years(least: Mapping[bool, float]) -> str:
    """What would keep years, where they were merged: a limit that is known to, or one that is not.

    `least` is the smallest share suppressed by year, by whether it is all that has to be.
    """
    for whole, said in ((True, "are kept with"), (False, "need more than")):
        if (limit := math.ceil(100 * least[whole]) / 100) < 1:
            return f"years {said} --most-suppressed {limit:.2g}"
    return "of cells by year nearly all would be suppressed, whatever the limit"


def _suppressed(found: Release | float) -> str:
    """How much is suppressed; a share is the least that it can be."""
    if not isinstance(found, float):
        more = " or more" if found.unprotected else ""
        tells = "; other counts tell one that must not be known" if found.unprotected else ""
        return f"{found.suppressed:.0%}{more} suppressed{tells}"
    return f"{found:.0%}{' or more' if found < 1 else ''} suppressed"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Collapsing:
    """What every collapse on the route has in common."""

    matched: Path | str | pd.DataFrame
    evidence: Evidence | None
    memory: str
    threads: int | None
    earlier: tuple[Released, ...]
    inputs: tuple[str, ...]

    def protected(self, cells: Cells, rule: OutputRule) -> Release:
        """What of cells may leave, with what it tells besides."""
        same = self.same(children_of(cells))
        before = [each.counts for each in same if each.counts]
        found = protect(cells, rule, earlier=before, whole=False)
        return replace(found, told=replace(found.told, inputs=self.inputs))

    def same(self, one: Released) -> list[Released]:
        """What is out already of the same children, or may be."""
        own = replace(one, inputs=self.inputs)
        return [each for each in self.earlier if own.shares_children(each)]

    def clash(self, told: Released, rule: OutputRule) -> str:
        """Why cells may not leave beside what is out already; empty if they may."""
        same = self.same(told)
        if differs_anywhere(told.totals, same, rule):
            return f"differs from an earlier release by fewer than {rule.threshold} people"
        return next((why for table in told.tables if (why := clash(table, same, rule))), "")

    def __call__(
        self, analysis: ChildrenAnalysis, step: Step, *, products: bool, for_release: bool
    ) -> Cells:
        return collapse(
            self.matched,
            analysis,
            by=step.by,
            covariates=step.covariates,
            bands=True,
            products=products,
            for_release=for_release,
            evidence=self.evidence,
            memory=self.memory,
            threads=self.threads,
        )


Tried = Iterator[tuple[Step, Release | float]]


def _counts(
    how: _Collapsing,
    analysis: ChildrenAnalysis,
    rule: OutputRule,
    steps: tuple[Step, ...],
    most: float,
) -> Tried:
    """Counts released at each step, or the least share suppressed where that is too much.

    The finest counts tell how many are small further on; different children are only counted
    where few enough are.
    """
    finest = frame_of(
        how(analysis, steps[0], products=False, for_release=False).patterns, "pattern"
    )
    for step in steps:
        bands = [name if name in finest else band(name) for name in step.covariates]
        merged = finest.groupby([*step.by, *bands], observed=True)[["n", "events"]].sum()
        share = _small_share(merged, rule)
        if share > most or len(merged) > MOST_PATTERNS:
            yield step, share
        else:
            cells = how(analysis, step, products=False, for_release=True)
            yield step, how.protected(cells, rule)


def _small_share(merged: pd.DataFrame, rule: OutputRule) -> float:
    n, events = merged["n"].to_numpy(), merged["events"].to_numpy()
    small = (n < rule.threshold) | rule.few(events) | rule.few(n - events)
    return float(small.mean())


def _products(
    how: _Collapsing,
    analysis: ChildrenAnalysis,
    rule: OutputRule,
    steps: tuple[Step, ...],
    most: float,
) -> Tried:
    """Cross-products released at each step, with the counts of whole cells."""
    for by, same in groupby(steps, key=lambda step: step.by):
        cells = how(analysis, Step(by=by, covariates=()), products=True, for_release=True)
        if cells.products is None or cells.patterns.sizes["pattern"] > MOST_PATTERNS:
            continue
        counts = how.protected(cells, rule)
        for step in same:
            if counts.unprotected:
                yield step, counts
                continue
            if counts.suppressed > most:
                yield step, counts.suppressed
                continue
            fewer = replace(cells, products=narrowed(cells.products, step.covariates))
            yield step, protect_products(fewer, counts, analysis, rule)
