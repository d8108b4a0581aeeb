"""Ranks of truths, a panel for each quantity: ECDFs against the diagonal, and histograms."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Unpack

from sofs_bayes.checks.ranks import BINS, DRAWS, FEW, RankTest, RankVerdict
from sofs_bayes.figures.canvas import Canvas, KeyEntry, ToldBelow, name_of
from sofs_bayes.figures.curves import Panel, curves
from sofs_bayes.figures.drawing import Drawing, drawn
from sofs_bayes.figures.marks import Axis, Mark, Rule, Series
from sofs_bayes.figures.numbers import named
from sofs_bayes.figures.rank_bands import (
    BinRow,
    EcdfRow,
    bin_rows,
    ecdf_rows,
    shown_tests,
)
from sofs_bayes.figures.refusals import check_rows
from sofs_bayes.figures.style import DASHED, STYLE, Look

MOST, COLUMNS, HEIGHT = 24, 4, 0.82
# Frames are no larger than this many times the band: one curve must not flatten all others.
FRAME = 2.2
HALVES = {0.0: "0", 0.5: "0.5", 1.0: "1"}

RIGHT: Look = {"color": STYLE.strong, "linewidth": 1.3}
WRONG: Look = {"color": STYLE.mark, "linewidth": 2.0, "linestyle": (0, (4, 1))}
EDGE: Look = {"color": STYLE.light, "linewidth": 0.6}
ZERO: Look = {"color": STYLE.soft, "linewidth": 0.7}
EXPECTED: Look = {"color": STYLE.ink, "linewidth": 0.8, "linestyle": DASHED}


def rank_ecdf(verdict: RankVerdict, **said: Unpack[ToldBelow]) -> Drawing:
    """The ECDF of each quantity's ranks minus the diagonal, with its simultaneous band.

    Parameters
    ----------
    verdict
        On a calibration. Drawn are effects, spreads, log likelihood, and other parameters that
        are out; of more than `MOST` those with the smallest p-values.
    said
        `title`, `evidence` and, where wanted, `mark`, `notes` and `name`; as `ToldBelow` has them.

    Raises
    ------
    BadInput
        No quantity with ranks.
    """
    name = name_of(said, ToldBelow, "ecdf")
    tests, wanted = shown_tests(verdict, MOST)
    check_rows(name, tests)
    rows = ecdf_rows(verdict, tests)
    far = max(abs(row.difference) for row in rows)
    widest = max(max(-row.lower, row.upper) for row in rows)
    reach = 1.1 * min(max(far, widest), FRAME * widest)

    def marks(test: RankTest) -> list[Mark]:
        own = [row for row in rows if row.quantity == test.quantity]
        x, low, high = [r.place for r in own], [r.lower for r in own], [r.upper for r in own]
        return [
            Series(x=x, y=low, look=EDGE, lower=low, upper=high, zorder=1.0),
            Series(x=x, y=high, look=EDGE, zorder=1.0),
            Rule(at=0.0, look=ZERO, which="y"),
            Series(x=x, y=[row.difference for row in own], look=_look(test)),
        ]

    outside = len({row.quantity for row in rows if not row.inside})
    who = (
        f"{outside} of {len(tests)} quantities leave the band"
        if outside
        else "every quantity stay inside the band"
    )
    canvas = Canvas.of(
        said,
        name,
        finding=f"The ranks of {who} of right posteriors",
        subtitle="Share of ranks below each place, minus the share expected there",
        notes=(
            "Horizontal: rank of the truth among posterior draws, as a share of them. Right"
            " posteriors stay inside the whole band 95% of the time, each quantity by itself."
            " Above the line on the left and below it on the right: posteriors too narrow; the"
            " other way round: too wide; on one side of it throughout: shifted.",
            *_cut_off(f"distance is {far:.3f}", far > reach),
            *_left_out(len(tests), wanted),
        ),
        key=_key("band of right posteriors, 95% as a whole", tests),
    )
    up = Axis(ends=(-reach, reach), kind="signed")
    panels = rank_grid(tests, up, marks)
    chart = partial(curves, panels=panels, height=HEIGHT, columns=COLUMNS, shared="xy")
    return drawn(canvas, chart, _ecdf_alt(tests, rows), EcdfRow, rows)


def rank_histogram(verdict: RankVerdict, **said: Unpack[ToldBelow]) -> Drawing:
    """The ranks of each quantity counted in bins, with the binomial band of a single bin.

    Parameters and refusals are those of `rank_ecdf`.
    """
    name = name_of(said, ToldBelow, "histogram")
    tests, wanted = shown_tests(verdict, MOST)
    check_rows(name, tests)
    rows = bin_rows(verdict, tests)
    most, upper = max(row.count for row in rows), rows[0].upper
    highest = 1.08 * min(max(most, upper), FRAME * upper)
    share = sum(not row.inside for row in rows) / len(rows)

    def marks(test: RankTest) -> list[Mark]:
        own = [row for row in rows if row.quantity == test.quantity]
        edges = [*(row.first / (DRAWS + 1) for row in own), 1.0]
        counts = [row.count for row in own]
        whole = (0.0, 1.0)
        look = {**_look(test), "drawstyle": "steps-post"}
        return [
            Series(x=whole, lower=[own[0].lower] * 2, upper=[own[0].upper] * 2),
            Rule(at=own[0].expected, look=EXPECTED, which="y"),
            Series(x=edges, y=[*counts, counts[-1]], look=look),
        ]

    canvas = Canvas.of(
        said,
        name,
        finding=f"{share:.0%} of bins are outside their band; of right posteriors about 5% are",
        subtitle="Number of truths whose rank is in a bin",
        notes=(
            f"Horizontal: rank of the truth, 0 to {DRAWS} as a share, in {BINS} bins; dashed: the"
            " count expected. About one bin in twenty of a right posterior is outside the band."
            " High at both ends: posteriors too narrow; high in the middle: too wide; falling or"
            " rising: shifted.",
            *_cut_off(f"count is {most:,}", most > highest),
            *_left_out(len(tests), wanted),
        ),
        key=_key("95% band of a single bin", tests),
    )
    up = Axis(ends=(0.0, highest))
    panels = rank_grid(tests, up, marks)
    chart = partial(curves, panels=panels, height=HEIGHT, columns=COLUMNS, shared="xy")
    return drawn(canvas, chart, _histogram_alt(tests, rows), BinRow, rows)


def rank_grid(
    tests: Sequence[RankTest], up: Axis, marks: Callable[[RankTest], list[Mark]]
) -> list[Panel]:
    """Panels of effects, then spreads and log likelihood, then others, under their headings.

    What all effects' names begin with is their heading.
    """
    asked = {test.quantity.partition(", ")[0] for test in tests if test.kind == "effect"}
    shared = len(asked) == 1 and sum(test.kind == "effect" for test in tests) > 1
    groups = {
        "effect": asked.pop().capitalize() if shared else "Effects",
        "spread": "Spreads and log likelihood",
        "likelihood": "Spreads and log likelihood",
        "parameter": "Other parameters that are out",
    }
    panels: list[Panel] = []
    before = ""
    for group in dict.fromkeys(groups.values()):
        for test in (test for test in tests if groups[test.kind] == group):
            cut = shared and test.kind == "effect"
            out = test.verdict == "out"
            panels.append(
                Panel(
                    x=Axis(ends=(0.0, 1.0), ticks=HALVES),
                    y=up,
                    marks=marks(test),
                    heading=test.quantity.partition(", ")[2] if cut else test.quantity,
                    bold=False,
                    note=f"{'OUT: ' if out else ''}dispersion {test.dispersion:.2f}",
                    alarming=out,
                    group=group if group != before else "",
                )
            )
            before = group
    return panels


def _look(test: RankTest) -> Look:
    return WRONG if test.verdict == "out" else RIGHT


def _key(band: str, tests: Sequence[RankTest]) -> list[KeyEntry]:
    names = {"in": "in", "out": "out: not uniform by the tests", FEW: "too few to tell"}
    found = {test.verdict: _look(test) for test in sorted(tests, key=lambda test: test.verdict)}
    entries = [KeyEntry(name=names[verdict], line=look) for verdict, look in found.items()]
    return [KeyEntry(name=band, fill=STYLE.fill), *entries]


def _cut_off(largest: str, cut: bool) -> list[str]:
    return [f"Curves that leave the frame are cut off there: the largest {largest}."] if cut else []


def _left_out(drawn: int, wanted: int) -> list[str]:
    if drawn == wanted:
        return []
    return [f"Of {wanted} quantities, the {drawn} with the smallest p-values are drawn."]


def _verdicts(tests: Sequence[RankTest]) -> str:
    out = [f"{t.quantity} (dispersion {t.dispersion:.2f})" for t in tests if t.verdict == "out"]
    return f"Not uniform: {named(out)}." if out else "The tests find none that is not uniform."


def _ecdf_alt(tests: Sequence[RankTest], rows: Sequence[EcdfRow]) -> str:
    outside = list(dict.fromkeys(row.quantity for row in rows if not row.inside))
    far = max(rows, key=lambda row: abs(row.difference))
    who = f": {named(outside)}" if outside else ""
    return (
        f"Ranks of {len(tests)} quantities in"
        f" {tests[0].replicates} replicates, as ECDF minus diagonal: {len(outside)} leave the"
        f" simultaneous 95% band{who}. The largest distance is {abs(far.difference):.3f}, of"
        f" {far.quantity}. {_verdicts(tests)}"
    )


def _histogram_alt(tests: Sequence[RankTest], rows: Sequence[BinRow]) -> str:
    outside = sum(not row.inside for row in rows)
    return (
        f"Histograms of ranks in {BINS} bins, {tests[0].replicates} replicates:"
        f" {outside} of {len(rows)} bins ({outside / len(rows):.0%}) are outside their 95% band,"
        f" which about 5% are of right posteriors. {_verdicts(tests)}"
    )
