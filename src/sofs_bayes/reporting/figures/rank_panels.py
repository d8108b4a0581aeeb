"""Ranks of truths, a panel for each quantity: ECDFs against the diagonal, and histograms."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from sofs_bayes.checks.ranks import BINS, DRAWS, RankTest, RankVerdict
from sofs_bayes.reporting.figures.drawing import Drawing
from sofs_bayes.reporting.figures.numbers import listed, refuse_empty, tick_labels, ticks
from sofs_bayes.reporting.figures.page import (
    CONVERGED,
    KeyEntry,
    Page,
    add_axes,
    blank_page,
    set_ticks,
    write,
)
from sofs_bayes.reporting.figures.rank_bands import (
    BinRow,
    EcdfRow,
    bin_rows,
    ecdf_rows,
    shown_tests,
)
from sofs_bayes.reporting.figures.style import STYLE, Look, line_height, wrap
from sofs_bayes.spec import Evidence

MOST = 24
COLUMNS, LEFT, GAP = 4, 0.46, 0.2
PANEL, AXIS, BETWEEN = 0.82, 0.26, 0.08
HEAD, GROUP = 0.26, 0.3  # inches of the line above all panels, and of a group's heading
NAMED = 4  # quantities an alt text names
# Frames are no larger than this many times the band: one curve must not flatten all others.
FRAME = 2.2

RIGHT: Look = {"color": STYLE.strong, "linewidth": 1.3, "linestyle": "solid"}
WRONG: Look = {"color": STYLE.mark, "linewidth": 2.0, "linestyle": (0, (4, 1))}
ZERO: Look = {"color": STYLE.soft, "linewidth": 0.7, "linestyle": "solid", "zorder": 2}
EXPECTED: Look = {"color": STYLE.ink, "linewidth": 0.8, "linestyle": (0, (4, 2))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """The place of a quantity: inches right and down, its heading, and the axes with labels."""

    test: RankTest
    heading: tuple[str, ...]
    left: float
    top: float
    first: bool
    lowest: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """All panels, headings of groups with the inches they are down, and the inches in all."""

    panels: tuple[Panel, ...]
    headings: tuple[tuple[str, float], ...]
    width: float
    height: float


def rank_ecdf(
    verdict: RankVerdict,
    *,
    title: str,
    evidence: Evidence,
    notes: Sequence[str] = (),
    name: str = "ecdf",
) -> Drawing:
    """The ECDF of each quantity's ranks minus the diagonal, with its simultaneous band.

    Parameters
    ----------
    verdict
        On a calibration. Drawn are effects, spreads, log likelihood, and other parameters that
        are out; of more than `MOST` those with the smallest p-values.
    title, evidence, notes, name
        Title, evidence line, further notes (on where the ranks come from), stem of the files.

    Raises
    ------
    BadInput
        No quantity with ranks.
    """
    tests, wanted = shown_tests(verdict, MOST)
    refuse_empty(name, tests)
    rows = ecdf_rows(verdict, tests)
    layout = panel_layout(tests)
    far = max(abs(row.difference) for row in rows)
    widest = max(max(-row.lower, row.upper) for row in rows)
    reach = 1.1 * min(max(far, widest), FRAME * widest)
    page = blank_page(
        layout.height,
        title=title,
        evidence=(evidence,),
        status=CONVERGED,
        notes=(
            "Horizontal: rank of the truth among posterior draws, as a share of them. Right"
            " posteriors stay inside the whole band 95% of the time, each quantity by itself."
            " Above the line on the left and below it on the right: posteriors too narrow; the"
            " other way round: too wide; on one side of it throughout: shifted.",
            *_cut_off(f"distance is {far:.3f}", far > reach),
            *_left_out(len(tests), wanted),
            *notes,
        ),
        key=_key("band of right posteriors, 95% as a whole", RIGHT, WRONG, tests),
    )
    write(page, 0.0, HEAD / 2, "Share of ranks below each place, minus the share expected there")
    by_name = {test.quantity: [r for r in rows if r.quantity == test.quantity] for test in tests}

    def draw(axes: Axes, test: RankTest) -> None:
        own = by_name[test.quantity]
        axes.set_ylim(-reach, reach)
        places = [row.place for row in own]
        low, high = [row.lower for row in own], [row.upper for row in own]
        axes.fill_between(places, low, high, color=STYLE.fill, linewidth=0, zorder=0)
        for edge in (low, high):
            axes.plot(places, edge, color=STYLE.light, linewidth=0.6, zorder=1)
        axes.axhline(0.0, **ZERO)
        look = WRONG if test.verdict == "out" else RIGHT
        axes.plot(places, [row.difference for row in own], zorder=3, **look)

    _draw_panels(page, layout, draw, signed=True)
    alt = _ecdf_alt(tests, rows)
    return Drawing(name=name, figure=page.figure, alt=alt, data=(EcdfRow, rows))


def rank_histogram(
    verdict: RankVerdict,
    *,
    title: str,
    evidence: Evidence,
    notes: Sequence[str] = (),
    name: str = "histogram",
) -> Drawing:
    """The ranks of each quantity counted in bins, with the binomial band of a single bin.

    Parameters and refusals are those of `rank_ecdf`.
    """
    tests, wanted = shown_tests(verdict, MOST)
    refuse_empty(name, tests)
    rows = bin_rows(verdict, tests)
    layout = panel_layout(tests)
    most, upper = max(row.count for row in rows), rows[0].upper
    highest = 1.08 * min(max(most, upper), FRAME * upper)
    page = blank_page(
        layout.height,
        title=title,
        evidence=(evidence,),
        status=CONVERGED,
        notes=(
            f"Horizontal: rank of the truth, 0 to {DRAWS} as a share, in {BINS} bins; dashed: the"
            " count expected. About one bin in twenty of a right posterior is outside the band."
            " High at both ends: posteriors too narrow; high in the middle: too wide; falling or"
            " rising: shifted.",
            *_cut_off(f"count is {most:,}", most > highest),
            *_left_out(len(tests), wanted),
            *notes,
        ),
        key=_key("95% band of a single bin", RIGHT, WRONG, tests),
    )
    write(page, 0.0, HEAD / 2, "Number of truths whose rank is in a bin")
    by_name = {test.quantity: [r for r in rows if r.quantity == test.quantity] for test in tests}

    def draw(axes: Axes, test: RankTest) -> None:
        own = by_name[test.quantity]
        axes.set_ylim(0.0, highest)
        axes.axhspan(own[0].lower, own[0].upper, color=STYLE.fill, linewidth=0, zorder=0)
        axes.axhline(own[0].expected, zorder=1, **EXPECTED)
        edges = [*(row.first / (DRAWS + 1) for row in own), 1.0]
        look = WRONG if test.verdict == "out" else RIGHT
        axes.stairs([row.count for row in own], edges, baseline=None, zorder=3, **look)

    _draw_panels(page, layout, draw, signed=False)
    alt = _histogram_alt(tests, rows)
    return Drawing(name=name, figure=page.figure, alt=alt, data=(BinRow, rows))


# --------------------------------------------------------------------------------- the panels


def panel_layout(tests: Sequence[RankTest]) -> Layout:
    """Places for the quantities' panels: effects, spreads and log likelihood, then others."""
    inner = STYLE.width - 2 * STYLE.margin
    width = (inner - LEFT - (COLUMNS - 1) * GAP) / COLUMNS
    panels, headings, y = [], [], HEAD
    for heading, own in _groups(tests):
        headings.append((heading, y + 0.15))
        y += GROUP
        for start in range(0, len(own), COLUMNS):
            row = own[start : start + COLUMNS]
            lines = [tuple(wrap(label, STYLE.small, width)) for label, _ in row]
            head = (max(map(len, lines)) + 1) * line_height(STYLE.small) + 0.08
            panels += [
                Panel(
                    test=row[i][1],
                    heading=lines[i],
                    left=LEFT + i * (width + GAP),
                    top=y + head,
                    first=i == 0,
                    lowest=start + i + COLUMNS >= len(own),
                )
                for i in range(len(row))
            ]
            y += head + PANEL + (AXIS if start + COLUMNS >= len(own) else BETWEEN)
    return Layout(panels=tuple(panels), headings=tuple(headings), width=width, height=y)


def _groups(tests: Sequence[RankTest]) -> list[tuple[str, list[tuple[str, RankTest]]]]:
    """Headings with labelled quantities; what all effects' names begin with is their heading."""
    effects = [test for test in tests if test.kind == "effect"]
    asked = {test.quantity.partition(", ")[0] for test in effects}
    shared = len(asked) == 1 and len(effects) > 1
    title = asked.pop().capitalize() if shared else "Effects"
    of_effects = [
        (test.quantity.partition(", ")[2] if shared else test.quantity, test) for test in effects
    ]
    spreads = [(test.quantity, test) for test in tests if test.kind in ("spread", "likelihood")]
    others = [(test.quantity, test) for test in tests if test.kind == "parameter"]
    groups = (
        (title, of_effects),
        ("Spreads and log likelihood", spreads),
        ("Other parameters that are out", others),
    )
    return [(heading, own) for heading, own in groups if own]


def _draw_panels(
    page: Page, layout: Layout, draw: Callable[[Axes, RankTest], None], *, signed: bool
) -> None:
    for heading, y in layout.headings:
        write(page, 0.0, y, heading, bold=True)
    for panel in layout.panels:
        size, above = STYLE.small, panel.top - 0.04 - line_height(STYLE.small)
        write(page, panel.left, above, "\n".join(panel.heading), size=size, va="bottom")
        out = panel.test.verdict == "out"
        found = f"{'OUT: ' if out else ''}dispersion {panel.test.dispersion:.2f}"
        colour = STYLE.mark if out else STYLE.soft
        below = panel.top - 0.04
        write(page, panel.left, below, found, size=size, va="bottom", colour=colour, bold=out)
        axes = add_axes(page, left=panel.left, top=panel.top, width=layout.width, height=PANEL)
        draw(axes, panel.test)
        axes.set_xlim(0.0, 1.0)
        axes.tick_params(axis="y", left=panel.first)
        set_ticks(axes, "x", [0.0, 0.5, 1.0], ["0", "0.5", "1"] if panel.lowest else [""] * 3)
        marks = ticks(*axes.get_ylim(), 4)
        labels = tick_labels(marks, signed=signed) if panel.first else [""] * len(marks)
        set_ticks(axes, "y", marks, labels)


def _key(band: str, right: Look, wrong: Look, tests: Sequence[RankTest]) -> list[KeyEntry]:
    verdicts = {test.verdict for test in tests}
    entries = [KeyEntry(name=band, fill=STYLE.fill)]
    if "in" in verdicts:
        entries.append(KeyEntry(name="in", line=right))
    if "out" in verdicts:
        entries.append(KeyEntry(name="out: not uniform by the tests", line=wrong))
    return entries


def _cut_off(largest: str, cut: bool) -> list[str]:
    return [f"Curves that leave the frame are cut off there: the largest {largest}."] if cut else []


def _left_out(drawn: int, wanted: int) -> list[str]:
    if drawn == wanted:
        return []
    return [f"Of {wanted} quantities, the {drawn} with the smallest p-values are drawn."]


def _named(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return listed([*names[:NAMED], f"{more} more"] if more > 0 else list(names))


def _verdicts(tests: Sequence[RankTest]) -> str:
    out = [f"{t.quantity} (dispersion {t.dispersion:.2f})" for t in tests if t.verdict == "out"]
    return f"Not uniform: {_named(out)}." if out else "The tests find none that is not uniform."


def _ecdf_alt(tests: Sequence[RankTest], rows: Sequence[EcdfRow]) -> str:
    outside = list(dict.fromkeys(row.quantity for row in rows if not row.inside))
    far = max(rows, key=lambda row: abs(row.difference))
    who = f": {_named(outside)}" if outside else ""
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
