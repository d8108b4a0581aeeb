"""How fast posteriors from children's cells are: `python -m tests.benchmarks.posteriors`.

`--peer FOLDER` also fits the children's rows with bambi, in a virtual environment of its own,
which is made in the folder if there is none (without FOLDER: in a temporary one). Its model is
an easier one: shocks are independent, pilots' effects do not differ, and the intercept is that
of an average child. Times are of one run on one machine, warm-up included; nothing is asserted.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.__main__ import Line, command_seconds, readable
from tests.benchmarks.peer import by_peer, converged, peer_note

from sofs_bayes import spec
from sofs_bayes.bayes.blocks import Setting
from sofs_bayes.checks.registry.check import PosteriorFit
from sofs_bayes.pipeline.children import collapse, match, matched_file
from sofs_bayes.pipeline.did_fits import Programs, Workshop, one_fit
from sofs_bayes.pipeline.did_sources import source_of
from sofs_bayes.pipeline.simulation import simulate
from sofs_bayes.spec.keys import AFTER, Estimand

PARTS = ("cla", "icpc", "import")
TIMES = 10

# What a reader of the results reads: not each authority-year's shock.
READ = (
    *("coefficient", "child_effect", "authority_sd", "pilot_effect_sd"),
    *("shock_sd", "shock_correlation", "residual_sd"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A fit from cells, and its seconds in all, of compiling and of sampling."""

    fit: PosteriorFit
    total: float
    compiling: float
    sampling: float


def from_cells(analysis: spec.HierarchicalAnalysis, path: Path, programs: Programs) -> Measured:
    """The main fit of an analysis, timed from reading the cells to the gate's verdict."""
    shop = Workshop(analysis=analysis, programs=programs, store=None, seconds={})
    start = time.perf_counter()
    data = source_of(analysis, [path]).data
    fit = one_fit(shop, data, Setting(effect_prior=analysis.effect_priors["reference"]), "main")
    return Measured(
        fit=fit,
        total=time.perf_counter() - start,
        compiling=shop.seconds.get("compile", 0.0),
        sampling=shop.seconds["sample"],
    )


def slowest(fit: PosteriorFit) -> tuple[str, float]:
    """The smallest bulk effective size among what is read, and whose it is."""
    import arviz_stats as azs

    from sofs_bayes.bayes.did_draws import in_use

    kept = in_use(fit.posterior, fit.blocks)
    draws = {name: kept[name] for name in READ if name in kept}
    pooled = Estimand(role=AFTER, scale="risk")
    draws["pooled risk difference"] = fit.effects[pooled]
    sizes = {name: float(azs.ess(each, method="bulk").min()) for name, each in draws.items()}
    name = min(sizes, key=lambda each: sizes[each])
    return name, sizes[name]


def hierarchical(name: str) -> spec.HierarchicalAnalysis:
    """A bundled analysis."""
    analysis = spec.load(name)
    assert isinstance(analysis, spec.HierarchicalAnalysis)
    return analysis


# ------------------------------------------------------------------- the logistic model, bambi


def cla_lines(folder: Path, asked: argparse.Namespace) -> Iterator[Line | str]:
    """The logistic model from cells, and by bambi from rows."""
    analysis = hierarchical("cla-logistic")
    people = simulate(analysis.children, folder / "people")
    matched = match(analysis.children, people, folder / "matched")
    cells = collapse(analysis.children, matched, folder / "cells", threshold=None)
    ours = from_cells(analysis, cells, {})
    which, size = slowest(ours.fit)
    gate, did = ours.fit.gate, ours.fit.posterior["coefficient"].sel(term="did")
    yield (
        f"cla-logistic: {gate.status}, {gate.draws:,} draws, smallest bulk ESS {size:,.0f}"
        f" ({which}), largest R-hat {gate.max_rhat:.3f}, did {float(did.mean()):.3f}"
        f" ± {float(did.std()):.3f}; compiling {readable(ours.compiling)} s, sampling"
        f" {readable(ours.sampling)} s, with all else {readable(ours.total)} s."
    )
    if asked.peer is None:
        return
    peer = by_peer(folder, matched_file(matched), analysis, ours.fit, asked)
    yield peer_note(peer, asked)
    if "ess" not in peer:
        return
    bambi = f"bambi on {peer['rows']:,} rows" + ("" if converged(peer) else ", at best")
    rates = {
        "sampling alone": (size / ours.sampling, peer["ess"] / peer["sampling"]),
        "compiling too": (
            size / (ours.sampling + ours.compiling),
            peer["ess"] / (peer["sampling"] + peer["compiling"]),
        ),
    }
    for label, (own, theirs) in rates.items():
        yield Line(
            what=f"cla-logistic: effective draws of the slowest parameter, {label}",
            ours=own,
            other=bambi,
            theirs=theirs,
            unit="per s",
            more_is_better=True,
        )
    yield Line(
        what=f"cla-logistic: from cells to {size:,.0f} effective draws and a passed gate",
        ours=ours.total,
        other=f"{bambi}, for as many",
        theirs=peer["compiling"] + size * peer["sampling"] / peer["ess"],
        unit="s",
    )


# ----------------------------------------------------------- the linear model, ten times as many


def icpc_lines(folder: Path, asked: argparse.Namespace) -> Iterator[Line | str]:
    """The linear model from cells of the published number of children, and of ten times it."""
    analysis = hierarchical("icpc-linear")
    programs: Programs = {}
    found, rows = {}, {}
    for times in (1, TIMES):
        here = folder / str(times)
        here.mkdir()
        people = simulate(analysis.children, here / "people", drawn=True, times=times)
        matched = match(analysis.children, people, here / "matched")
        cells = collapse(analysis.children, matched, here / "cells", threshold=None)
        found[times] = from_cells(analysis, cells, programs)
        rows[times] = int(found[times].fit.data.cells["children"].sum())
    one, many = found[1], found[TIMES]
    compiling = one.compiling + many.compiling  # once, if both have the same cells
    for times, each in found.items():
        which, size = slowest(each.fit)
        yield (
            f"icpc-linear on {rows[times]:,} rows: {each.fit.gate.status}, smallest bulk ESS"
            f" {size:,.0f} ({which}); sampling {readable(each.sampling)} s, from cells to the"
            f" gate {readable(each.total)} s, of it compiling {readable(each.compiling)} s."
        )
    growth = f"{TIMES} times the time of a tenth of the children"
    yield Line(
        what=f"icpc-linear: sampling, {rows[TIMES]:,} rows",
        ours=many.sampling,
        other=growth,
        theirs=TIMES * one.sampling,
        unit="s",
    )
    yield Line(
        what="icpc-linear: from cells to the gate, with compiling",
        ours=many.total - many.compiling + compiling,
        other=growth,
        theirs=TIMES * (one.total - one.compiling + compiling),
        unit="s",
    )


# ------------------------------------------------------------------------------------- the table


def import_lines(folder: Path, asked: argparse.Namespace) -> Iterator[Line | str]:
    """The package's import beside PyMC's."""
    own, pymc = (
        command_seconds([sys.executable, "-c", f"import {name}"]) for name in ("sofs_bayes", "pymc")
    )
    yield Line(what="`import sofs_bayes`", ours=own, other="`import pymc`", theirs=pymc, unit="s")


def main() -> None:
    """Print the table, and what it rests on."""
    asked = arguments()
    makers = dict(zip(PARTS, (cla_lines, icpc_lines, import_lines), strict=True))
    notes = []
    print("| what | takes | beside | takes | times better |")
    print("| --- | ---: | --- | ---: | ---: |")
    for part in asked.parts or PARTS:
        with TemporaryDirectory() as name:
            for line in makers[part](Path(name), asked):
                if isinstance(line, str):
                    notes.append(line)
                else:
                    print(line.markdown(), flush=True)
    print("", *(f"- {note}" for note in notes), sep="\n")


def arguments() -> argparse.Namespace:
    """Which parts, and the peer's folder and draws."""
    parser = argparse.ArgumentParser(description="How fast posteriors from children's cells are.")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="default: all")
    parser.add_argument("--peer", nargs="?", const="", metavar="FOLDER", help="bambi too")
    parser.add_argument("--chains", type=int, default=2, help="of the peer")
    parser.add_argument("--tune", type=int, default=100, help="of the peer")
    parser.add_argument("--draws", type=int, default=100, help="of the peer, per chain")
    parser.add_argument("--minutes", type=float, default=120.0, help="the peer's at most")
    return parser.parse_args()


if __name__ == "__main__":
    main()
