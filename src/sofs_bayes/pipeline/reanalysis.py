"""The main job: the main analyses of all sources fitted, and one folder with page and tables."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copytree
from typing import TYPE_CHECKING, Any

from sofs_bayes import spec
from sofs_bayes.errors import counted
from sofs_bayes.folders.manifest import by_name, versions, write_manifest
from sofs_bayes.folders.places import Paths, paths
from sofs_bayes.folders.store import Store
from sofs_bayes.folders.whole import claim
from sofs_bayes.pipeline import second_process
from sofs_bayes.pipeline.asked import children_inputs, work_key
from sofs_bayes.pipeline.jobs import one_thread
from sofs_bayes.pipeline.print_fits import fit_printed
from sofs_bayes.pipeline.watching import Progress, in_notebooks
from sofs_bayes.processes import MAY
from sofs_bayes.published.facts import facts_sha256
from sofs_bayes.runs import run_folder
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import (
    Analysis,
    ChildrenAnalysis,
    DidAnalysis,
    FittedAnalysis,
    HierarchicalAnalysis,
    OpenAnalysis,
    PrintedAnalysis,
)
from sofs_bayes.spec.keys import Kind, LeaveOut

if TYPE_CHECKING:
    from sofs_bayes.pipeline.did_fits import Programs
    from sofs_bayes.pipeline.did_sources import Source
    from sofs_bayes.runs.result_manifest import Result

WORD = "report.docx"
REPLICATED = "replicated"
# The analyses that answer, an outcome and a source each; what only `full` adds to them.
MAIN = ("icpc-printed", "cla-printed", "icpc-open-data", "cla-open-data")
MAIN_CHILDREN = ("icpc-linear", "cla-logistic")
FURTHER_CHILDREN = ("icpc-event-study", "cla-event-study")
# Refits of the main analyses of counts that take no sampling, or say what a break does.
LIGHT: tuple[Kind, ...] = ("without", "with", "scaled")
# What steps take beside each other, in seconds of an idle machine.
USUAL = {"printed": 1.0, "open data": 60.0, "children": 20.0, "hierarchical": 25.0, "page": 35.0}
# With all variants, refits and single pilots left out.
USUAL_OF_FULL = USUAL | {"open data": 200.0, "hierarchical": 700.0, "page": 100.0}
KNOWN = 45.0  # of those, after which the machine's pace is known
# This machine is taken to be so much faster or slower at most, from what it has done so far.
PACES = (0.5, 4.0)
LAST = 0.1  # of a step's usual time is taken to be left at least while it runs


def reanalyse(
    target: Path | str,
    *,
    open_data: Paths = (),
    beside: Paths = (),
    full: bool = False,
    replace: bool = False,
    progress: Progress = in_notebooks,
) -> str:
    """The whole re-analysis into a new folder: print, open counts, simulated children.

    What is finished is kept beside the target until all is done, so that an interrupted
    re-analysis goes on where it stopped.

    Parameters
    ----------
    target
        The folder to make: `index.html`, `report.docx`, `tables/`, `figures/`, `runs/`,
        `replicated/`, `manifest.json`.
    open_data
        DfE files. What they do not count, and all without any, is taken from the counts that are
        part of the package.
    beside
        Folders that `calibrate` and `placebo` wrote, for the page to show.
    full
        Whether all variants of open counts, event studies, and refits without single pilots are
        added, which takes far longer.
    replace
        Whether a result that this function wrote earlier may be replaced.
    progress
        Told how far the work is, a line each; by default shown below a notebook's cell.

    Returns
    -------
    str
        `converged`, or `not converged` if a check refused any of the results.

    Raises
    ------
    BadInput
        The target exists or cannot be written, or what is given cannot be used; nothing is
        written then.

    Examples
    --------
    >>> sb.reanalyse("newly-analysed")
    'converged'
    """
    from sofs_bayes.pages.beside import open_beside
    from sofs_bayes.pipeline.did_sources import files_for, source_of

    files, given = paths(open_data), paths(beside)
    chosen = chosen_analyses(full=full)
    opened = [each for each in chosen if isinstance(each, OpenAnalysis)]
    inputs = [*files, *given]
    with claim(Path(target), written_by="reanalyse", inputs=inputs, replace=replace) as place:
        beside_them = [open_beside(each) for each in given]
        own_files = files_for(opened, files)
        sources = {each.name: source_of(each, own_files[each.name]) for each in opened}
        work = Work(kept=place.unfinished, full=full, sources=sources, tell=progress)
        packs = work.all_of(chosen)
        work.begin_page()
        with place.folder() as folder:
            for name in packs:
                run_folder.unpack(packs[name], folder / "runs" / name)
            runs = [run_folder.read(folder / "runs" / name) for name in packs]
            replicated = [
                open_beside(copytree(each, folder / REPLICATED / name))
                for name, each in work.replicated.items()
            ]
            status = _write_results(folder, runs, [*replicated, *beside_them])
        place.finish()
    return status


def chosen_analyses(*, full: bool) -> list[FittedAnalysis]:
    """The bundled analyses of the main job, in the order of reading."""
    bundled = {name: spec.load(path) for name, path in spec.bundled_models().items()}
    print_and_counts = [
        name
        for name, each in bundled.items()
        if isinstance(each, PrintedAnalysis) or (isinstance(each, OpenAnalysis) and full)
    ]
    children = (*MAIN_CHILDREN, *(FURTHER_CHILDREN if full else ()))
    names = dict.fromkeys([*MAIN, *MAIN_CHILDREN, *print_and_counts, *children])
    found: list[Analysis] = [bundled[name] for name in names if name in bundled]
    return [each for each in found if not isinstance(each, ChildrenAnalysis)]


@dataclass(slots=True, kw_only=True)
class _Steps:
    """Steps that are taken one after the other, and how long they still take."""

    left: list[str]
    usual: Mapping[str, float] = field(default_factory=lambda: USUAL)
    done: float = 0.0
    running: str = ""
    start: float = field(default_factory=time.monotonic)
    begun: float = field(default_factory=time.monotonic)

    def begin(self, kind: str) -> None:
        """The running step has ended, and the next of a kind begins, if one is left."""
        self.end()
        if kind in self.left:
            self.running, self.begun = kind, time.monotonic()

    def end(self) -> None:
        """The running step has ended."""
        if self.running:
            self.done += self.usual[self.running]
            self.left.remove(self.running)
            self.running = ""

    def seconds(self) -> float:
        """About how long they still take."""
        pace = (self.begun - self.start) / self.done if self.done >= KNOWN else 1.0
        pace = min(max(pace, PACES[0]), PACES[1])
        later = pace * sum(self.usual[kind] for kind in self.left)
        if not self.running:
            return later
        own = pace * self.usual[self.running]
        return later - own + max(own - (time.monotonic() - self.begun), LAST * own)


@dataclass(slots=True, kw_only=True)
class Work:
    """What the main job fits, and how far it is.

    Attributes
    ----------
    kept
        Where finished pieces are, until all is done.
    sources
        The counts, by the name of their analysis.
    tell
        Told how far the work is, a line each.
    reached
        Told the kind of every step that begins, and of nothing else a line.
    replicated
        By name of the children's analysis, the folder of the published regressions.
    """

    kept: Path
    full: bool
    sources: "Mapping[str, Source]" = field(default_factory=dict)
    tell: Progress
    reached: Callable[[str, str], None] | None = None
    replicated: dict[str, Path] = field(default_factory=dict)
    programs: "Programs" = field(default_factory=dict)
    here: _Steps = field(default_factory=lambda: _Steps(left=[]))
    beside: _Steps = field(default_factory=lambda: _Steps(left=[]))
    page: _Steps = field(default_factory=lambda: _Steps(left=["page"]))

    def __post_init__(self) -> None:
        """The main job's steps are longer where all is wanted."""
        if self.full:
            for each in (self.here, self.beside, self.page):
                each.usual = USUAL_OF_FULL

    def all_of(self, analyses: Sequence[FittedAnalysis]) -> dict[str, bytes]:
        """The packed run of each analysis; of children, another process makes them meanwhile."""
        of_children = [each for each in analyses if isinstance(each, HierarchicalAnalysis)]
        others = [each for each in analyses if not isinstance(each, HierarchicalAnalysis)]
        self.here.left = [each.kind for each in others]
        packs: dict[str, bytes] = {}
        with one_thread():
            if of_children and others and MAY:
                self.beside.left = steps_of(of_children)
                with second_process.beside(self.kept, full=self.full, reached=self._reached) as end:
                    packs |= {each.name: self._pack(each) for each in others}
                    self.here.end()
                    end()
                self.beside.left = []
            else:
                self.here.left += steps_of(of_children)
                packs |= {each.name: self._pack(each) for each in others}
            packs |= {each.name: self.of_children(each) for each in of_children}
        self.here.end()
        return {each.name: packs[each.name] for each in analyses}

    def step(self, kind: str, text: str) -> None:
        """Begin a step: what is running, and about how long all still takes."""
        self.here.begin(kind)
        if self.reached is None:
            self.note(text)
        else:
            self.reached(kind, text)

    def note(self, text: str) -> None:
        """A line of progress within a step."""
        if self.reached is not None:
            self.reached("", text)
            return
        left = sum(len(each.left) for each in (self.here, self.beside, self.page))
        seconds = max(self.here.seconds(), self.beside.seconds()) + self.page.seconds()
        about = max(1, round(seconds / 60))
        self.tell(f"{counted(left, 'step')} left, about {about} min: {text}")

    def begin_page(self) -> None:
        """The last step."""
        self.page.begin("page")
        self.note("page, tables and figures")

    def _reached(self, kind: str, text: str) -> None:
        """What the other process says of itself."""
        if kind:
            self.beside.begin(kind)
        self.note(text)

    def _pack(self, analysis: FittedAnalysis) -> bytes:
        self.step(analysis.kind, analysis.name)
        if isinstance(analysis, PrintedAnalysis):
            return self._kept(
                analysis, {}, lambda _: fit_printed(analysis, progress=self.note), leave_out=""
            )
        main = analysis.name in MAIN
        return self._did(
            analysis,
            lambda: self.sources[analysis.name],
            self.sources[analysis.name].inputs,
            leave_out="pilots" if main else "none",
            kinds=None if self.full and main else LIGHT,
        )

    def of_children(self, analysis: HierarchicalAnalysis) -> bytes:
        """The packed run of an analysis of simulated children."""
        from sofs_bayes.pipeline.did_sources import source_of

        matched = self._children(analysis)

        def source() -> "Source":
            self.step(analysis.kind, analysis.name)
            return source_of(analysis, matched)

        return self._did(
            analysis,
            source,
            children_inputs(analysis, None),
            leave_out="pilots" if self.full else "none",
            kinds=None if self.full else (),
        )

    def _did(
        self,
        analysis: "DidAnalysis",
        source: "Callable[[], Source]",
        inputs: Mapping[str, str],
        *,
        leave_out: LeaveOut,
        kinds: Sequence[Kind] | None,
    ) -> bytes:
        from sofs_bayes.pipeline.did_fits import fit_did

        def made(store: Store) -> Run:
            return fit_did(
                analysis,
                source(),
                leave_out=leave_out,
                kinds=kinds,
                store=store,
                programs=self.programs,
                progress=self.note,
            )

        return self._kept(analysis, inputs, made, leave_out=leave_out, kinds=kinds)

    def _kept(
        self,
        analysis: FittedAnalysis,
        inputs: Mapping[str, str],
        make: Callable[[Store], Run],
        **settings: Any,
    ) -> bytes:
        """The packed run, made unless it is kept already."""
        key = work_key(analysis, inputs, **settings)
        store = Store(folder=self.kept, key=key)
        if (pack := store.get(analysis.name)) is None:
            pack = run_folder.packed(make(Store(folder=self.kept / analysis.name, key=key)))
            store.put(analysis.name, pack)
        else:
            self.note(f"{analysis.name}: already finished")
        return pack

    def _children(self, analysis: HierarchicalAnalysis) -> Path:
        """Matched simulated children of an analysis; the published regressions on them beside."""
        from sofs_bayes.pipeline.children import match
        from sofs_bayes.pipeline.replication import replicate
        from sofs_bayes.pipeline.simulation import simulate

        name = analysis.children.name
        key = work_key(analysis.children, children_inputs(analysis, None))
        place = self.kept / f"{name}-{key[:12]}"
        people, matched, again = (place / part for part in ("people", "matched", "again"))
        if name in self.replicated:
            return matched
        what = (
            "already finished"
            if again.is_dir()
            else "simulated children, and the published regressions"
        )
        self.step("children", f"{name}: {what}")
        if not people.is_dir():
            simulate(analysis.children, people, progress=self.note)
        if not matched.is_dir():
            match(analysis.children, people, matched, progress=self.note)
        if not again.is_dir():
            replicate(analysis.children, matched, again, progress=self.note)
        self.replicated[name] = again
        return matched


def steps_of(analyses: Sequence[HierarchicalAnalysis]) -> list[str]:
    """The steps that fits to simulated children take."""
    populations = {each.children.name for each in analyses}
    return [*(each.kind for each in analyses), *(["children"] * len(populations))]


def _write_results(folder: Path, runs: Sequence[Run], beside: "Sequence[Result]") -> str:
    from sofs_bayes.pages.page import write_page
    from sofs_bayes.pages.report_page import report_page
    from sofs_bayes.pages.word_page import write_word
    from sofs_bayes.published.audit import audit
    from sofs_bayes.published.facts import load_facts
    from sofs_bayes.tables.contents import facts_table

    page = report_page(runs, beside=beside, audit=audit(), files=FILES, versions=versions())
    write_page(folder, page, further=[facts_table(load_facts())])
    write_word(page, folder / WORD, figures=folder / "figures")
    manifest = {
        "status": page.status,
        "analyses_sha256": {run.analysis.name: spec.fingerprint(run.analysis) for run in runs},
        "evidence": {run.analysis.name: run.evidence for run in runs},
        "facts_sha256": facts_sha256(),
        "inputs_sha256": by_name(pair for run in runs for pair in run.inputs.items()),
        "seconds": {run.analysis.name: sum(run.seconds.values()) for run in runs},
    }
    write_manifest(folder, manifest, written_by="reanalyse")
    return page.status


FILES = (
    "The same report as a Word document: report.docx. Every table is in the folder tables/ (CSV and"
    " Markdown), every figure in figures/ (PNG, PDF and the data behind it), every fit in runs/"
    " with its diagnostics, the published regressions on simulated children in replicated/."
)
