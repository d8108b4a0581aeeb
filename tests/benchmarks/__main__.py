"""Times of one run on one machine, as ratios; nothing is asserted."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tests.benchmarks.children import children_times
from tests.benchmarks.textbook import textbook_graph
from tests.counts import observed

from sofs_bayes import spec
from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.bayes.from_published import PrintedPosterior, posterior
from sofs_bayes.bayes.open_counts import open_cell_data
from sofs_bayes.bayes.printed_summaries import probability
from sofs_bayes.bayes.sampling import Compiled
from sofs_bayes.spec import Sampler

MADE_UP = Path(__file__).parents[1] / "data" / "dfe" / "made-up.toml"
PILOTS, AUTHORITIES, YEARS = 6, 30, tuple(range(2012, 2019))
SAMPLER = Sampler(name="nutpie", chains=4, tune=500, draws=1000)
SLOW_TO_MIX = ("authority_sd", "pilot_effect_sd", "shock_sd", "shock_correlation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Two measurements in one unit and which of them should be the larger one."""

    what: str
    ours: float
    other: str
    theirs: float
    unit: str
    more_is_better: bool = False

    def markdown(self) -> str:
        """The line of the table; above 1, ours is the better one."""
        better = self.ours / self.theirs if self.more_is_better else self.theirs / self.ours
        cells = (
            self.what,
            f"{readable(self.ours)} {self.unit}",
            self.other,
            f"{readable(self.theirs)} {self.unit}",
            readable(better),
        )
        return "| " + " | ".join(cells) + " |"


def readable(number: float) -> str:
    """Three digits, or all whole ones where there are more."""
    return f"{number:.3g}" if number < 1000 else f"{number:,.0f}"


def seconds(action: Callable[[], object], *, best_of: int = 1) -> float:
    """The shortest time an action takes."""
    taken = []
    for _ in range(best_of):
        start = time.perf_counter()
        action()
        taken.append(time.perf_counter() - start)
    return min(taken)


# ----------------------------------------------------------------- the posterior from print


def print_lines() -> list[Line]:
    """The grid with quantiles and statements, beside the same posterior by NUTS."""
    from sofs_bayes.bayes.from_published_pymc import graph, graph_data, sample_posterior
    from sofs_bayes.bayes.sampling import compile_graph

    analysis = spec.load("icpc-printed")
    assert isinstance(analysis, spec.PrintedAnalysis)

    def by_grid() -> PrintedPosterior:
        post = posterior(analysis, prior="reference")
        post.effect.quantile(np.array([0.05, 0.5, 0.95]))
        for statement in analysis.estimands.statements:
            probability(post, statement)
        return post

    grid = seconds(by_grid, best_of=20)
    start = time.perf_counter()
    compiled = compile_graph(graph(graph_data(by_grid())))
    compiling = time.perf_counter() - start
    nuts = seconds(
        lambda: sample_posterior(analysis, SAMPLER, prior="reference", compiled=compiled),
        best_of=2,
    )
    what = f"posterior from print: quantiles, {len(analysis.estimands.statements)} statements"
    return [
        Line(what=what, ours=1e3 * grid, other=other, theirs=1e3 * taken, unit="ms")
        for other, taken in (
            ("NUTS, 4,000 draws, compiled before", nuts),
            ("NUTS with compilation", nuts + compiling),
        )
    ]


# --------------------------------------------------------------------- the hierarchical DiD


def a_panel(seed: int) -> CellData:
    """Counts of 30 made-up authorities, six of which settle in over the third and fourth year."""
    rng = np.random.default_rng(seed)
    shape = (AUTHORITIES, len(YEARS))
    logit = -1.5 + 0.3 * rng.standard_normal((AUTHORITIES, 1)) + 0.1 * rng.standard_normal(shape)
    logit[:PILOTS, 4:] -= 0.1
    denominators = rng.integers(1500, 6000, shape).astype(float)
    events = rng.binomial(denominators.astype(int), 1 / (1 + np.exp(-logit))).astype(float)
    names = [f"Authority {i:02}" for i in range(AUTHORITIES)]
    window = dict.fromkeys(names[:PILOTS], (YEARS[2], YEARS[3]))
    return open_cell_data(observed(events, denominators, names, YEARS, window))


def open_lines() -> list[Line]:
    """Feeding a compiled model anew, and how well it mixes beside a textbook's form."""
    from sofs_bayes.bayes.blocks import Setting, blocks
    from sofs_bayes.bayes.did_model import build_model, form_of, model_data
    from sofs_bayes.bayes.sampling import compile_graph, sample

    analysis = spec.load(MADE_UP)
    assert isinstance(analysis, spec.OpenAnalysis)
    setting = Setting(effect_prior=analysis.effect_priors["reference"])
    panels = [a_panel(seed) for seed in (1, 2)]
    designs = [blocks(panel, analysis, setting) for panel in panels]
    one, other = (
        model_data(panel, design, analysis) for panel, design in zip(panels, designs, strict=True)
    )
    start = time.perf_counter()
    compiled = compile_graph(build_model(form_of(panels[0], designs[0], analysis), one))
    compiling = time.perf_counter() - start
    again = seconds(lambda: sample(compiled, SAMPLER, data=other), best_of=2)
    textbook = compile_graph(textbook_graph(one, panels[0].years))
    return [
        Line(
            what="hierarchical DiD, 30 authorities: another data set, 4,000 draws",
            ours=again,
            other="compiling anew for it",
            theirs=compiling + again,
            unit="s",
        ),
        Line(
            what="hierarchical DiD: effective draws of the slowest parameter",
            ours=effective_per_second(compiled),
            other="the textbook's form, all non-centred",
            theirs=effective_per_second(textbook),
            unit="per s",
            more_is_better=True,
        ),
    ]


def effective_per_second(compiled: Compiled) -> float:
    """The smallest bulk effective sample size among the shared parameters, per second."""
    import arviz_stats as azs

    from sofs_bayes.bayes.sampling import sample

    start = time.perf_counter()
    draws = sample(compiled, SAMPLER)["posterior"].to_dataset()
    taken = time.perf_counter() - start
    sizes = [float(azs.ess(draws[name], method="bulk").min()) for name in SLOW_TO_MIX]
    return min(sizes) / taken


# --------------------------------------------------------------------------------- children


def children_lines() -> list[Line]:
    """The children's steps at the published size, and a regression from cells."""
    return [
        Line(what=what, ours=ours, other=other, theirs=theirs, unit="s")
        for what, ours, other, theirs in children_times(seconds)
    ]


# ----------------------------------------------------------------------------- quick answers


def start_lines() -> list[Line]:
    """Import and light commands beside the import of PyMC, which they do without."""
    python, script = sys.executable, Path(sys.executable).with_name("sofs-bayes")
    pymc = command_seconds([python, "-c", "import pymc"])
    commands: dict[str, Sequence[str | Path]] = {
        "`import sofs_bayes`": [python, "-c", "import sofs_bayes"],
        "`sofs-bayes --help`": [script, "--help"],
        "`sofs-bayes list`": [script, "list"],
        "`sofs-bayes published`": [script, "published"],
    }
    return [
        Line(what=what, ours=command_seconds(words), other="`import pymc`", theirs=pymc, unit="s")
        for what, words in commands.items()
    ]


def command_seconds(words: Sequence[str | Path]) -> float:
    """The wall time of a command in a process of its own, best of three."""
    return seconds(lambda: subprocess.run(words, check=True, capture_output=True), best_of=3)


def main() -> None:
    """Print the table."""
    print("| what | takes | beside | takes | times better |")
    print("| --- | ---: | --- | ---: | ---: |")
    for lines in (start_lines, print_lines, open_lines, children_lines):
        for line in lines():
            print(line.markdown(), flush=True)


if __name__ == "__main__":
    main()
