"""A folder that the project has written → the verdict on every file in it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sofs_bayes.errors import BadInput
from sofs_bayes.folders.manifest import sha256
from sofs_bayes.reporting.disclosure.arm_counts import hidden_counts, small_in_all
from sofs_bayes.reporting.disclosure.authorities import authorities
from sofs_bayes.reporting.disclosure.files import (
    IMAGES,
    LOG_NAMES,
    image,
    judged,
    refused_outright,
)
from sofs_bayes.reporting.disclosure.ledger import NAME, Ledger, read_ledger
from sofs_bayes.reporting.disclosure.log import LogLine, worst_of
from sofs_bayes.reporting.disclosure.manifests import is_replicate, public_evidence
from sofs_bayes.reporting.disclosure.posteriors import Draws, cleared_draws, open_draws
from sofs_bayes.reporting.disclosure.rules import OutputRule
from sofs_bayes.reporting.disclosure.runs import PUBLIC, Released, cleared, refused, released
from sofs_bayes.reporting.run_folder import Run, read

POSTERIOR = "posterior.nc"
REPLICATED = re.compile(r"(table-[4-7]|decisions|totals)\.csv")  # of replicate, below fits.csv


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What may leave of a folder.

    Attributes
    ----------
    log
        Of every file.
    copies
        Files that leave as they are, below the folder.
    texts
        Files that leave with something suppressed, and their text.
    runs
        Run folders that leave, without what was suppressed.
    released
        The counts that leave with them.
    """

    log: tuple[LogLine, ...]
    copies: tuple[Path, ...]
    texts: Mapping[Path, str]
    runs: Mapping[Path, Run]
    released: tuple[Released, ...]

    @property
    def clean(self) -> bool:
        """Whether everything may leave as it is."""
        return worst_of(self.log) == "passed"


def judged_folder(folder: Path, rule: OutputRule, *, earlier: Sequence[Released] = ()) -> Judged:
    """The verdict on every file of a folder, run folders in it as runs."""
    found = _Judging(folder=folder, rule=rule, known=list(earlier), before=len(earlier))
    paths = [path for path in sorted(folder.rglob("*")) if not path.is_dir()]
    homes = [path.parent for path in paths if path.name == "effects.csv" and _is_run(path.parent)]
    for home in homes:
        found.run(home)
    for path, ledger in _ledgers(paths):
        found.ledger(path, ledger)
    left = [path for path in paths if path not in found.done]
    kept_inside = [path for path in left if is_replicate(path, folder)]
    found.replicates(kept_inside)
    left = [path for path in left if path not in found.done]
    for path in (path for path in left if path.suffix not in IMAGES):
        found.file(path)
    for path in (path for path in left if path.suffix in IMAGES and path not in found.done):
        found.image(path)
    return Judged(
        log=tuple(found.log),
        copies=tuple(found.copies),
        texts=found.texts,
        runs=found.runs,
        released=tuple(found.known[found.before :]),
    )


def _is_run(home: Path) -> bool:
    return all((home / name).is_file() for name in ("manifest.json", "analysis.toml"))


def _ledgers(paths: Sequence[Path]) -> Iterator[tuple[Path, Ledger]]:
    for path in paths:
        if path.name == f"{NAME}.json" or path.name.endswith(f".{NAME}.json"):
            try:
                yield path, read_ledger(path)
            except BadInput:  # what it vouches for is then judged like any other file
                continue


class _Judging:
    """A folder on its way out; everything but the folder and the rules is filled."""

    def __init__(
        self, *, folder: Path, rule: OutputRule, known: list[Released], before: int
    ) -> None:
        self.folder, self.rule, self.known, self.before = folder, rule, known, before
        self.log: list[LogLine] = []
        self.copies: list[Path] = []
        self.texts: dict[Path, str] = {}
        self.runs: dict[Path, Run] = {}
        self.done: set[Path] = set()
        self.clean: dict[Path, bool] = {}

    def name(self, path: Path) -> str:
        """A path below the folder, as the log names it."""
        return path.relative_to(self.folder).as_posix()

    def settle(self, path: Path, log: Sequence[LogLine], text: str | None = None) -> None:
        """Note the verdict on a file."""
        self.done.add(path)
        self.log += log
        result = worst_of(log)
        self.clean[path] = result == "passed"
        if result == "passed":
            self.copies.append(path)
        elif result == "suppressed" and text is not None:
            self.texts[path] = text

    def file(self, path: Path) -> None:
        """A file by itself."""
        output = self.name(path)
        if path.is_symlink():
            self.settle(path, [_line(output, "link to another place", "no links", refused=True)])
            return
        if LOG_NAMES.fullmatch(path.name):
            self.settle(path, [_of_log(output, path)])
            return
        kind, of = public_evidence(path, self.folder)
        if kind and not refused_outright(path, output):
            self.settle(path, [_line(output, f"file, evidence {kind}", of)])
            return
        if REPLICATED.fullmatch(path.name) and self.clean.get(path.parents[1] / "fits.csv"):
            rule = "coefficients and tests of regressions (fits.csv) that may all leave"
            self.settle(path, [_line(output, "table of regressions beside print", rule)])
            return
        verdict = judged(path, output, self.rule)
        self.settle(path, verdict.log, verdict.text)

    def replicates(self, paths: Sequence[Path]) -> None:
        """Unfinished work of calibrate and recover: not needed outside, a line per folder."""
        for home in dict.fromkeys(path.parent for path in paths):
            own = [path for path in paths if path.parent == home]
            rule = "results only, no single replicates"
            line = _line(f"{self.name(home)}/", "replicates of a simulation", rule, refused=True)
            self.log.append(replace(line, affected=len(own)))
            self.done |= {*own}

    def image(self, path: Path) -> None:
        """A picture, by the data beside it."""
        kind, of = public_evidence(path, self.folder)
        if kind:
            self.settle(path, [_line(self.name(path), f"picture, evidence {kind}", of)])
        else:
            self.settle(path, image(path, self.name(path), self.clean).log)

    def ledger(self, path: Path, ledger: Ledger) -> None:
        """The files that an export under the rules has written, if nobody has changed them."""
        strict = ledger.threshold >= self.rule.threshold and self.rule.zeros >= ledger.zeros
        apart = [each for each in ledger.runs if self.tells(each)]
        for name, digest in ledger.files.items():
            file = path.parent / name
            if file in self.done or not file.is_file() or not file.is_relative_to(self.folder):
                continue
            output = self.name(file)
            if outright := refused_outright(file, output):
                self.settle(file, [outright])
                continue
            rule = "written under these rules, and unchanged since"
            action = ""
            if not strict:
                action = "not exported: written under a lower threshold"
            elif sha256(file) != digest:
                action = "not exported: changed since it was written"
            elif apart:
                rule = "no group below the threshold by the difference from another export"
                action = "not exported: " + ", ".join(each.analysis for each in apart)
            line = _line(output, "results, written by an export", rule, refused=bool(action))
            self.settle(file, [replace(line, action=action or line.action)])
        self.known += ledger.runs

    def tells(self, run: Released) -> bool:
        """Whether a run's counts beside those known tell of a group that is too small."""
        others = [
            each.counts
            for each in self.known
            if (each.children, each.evidence) == (run.children, run.evidence)
        ]
        found = hidden_counts(run.counts, self.rule, contributions={}, earlier=others)
        plain = hidden_counts(run.counts, self.rule, contributions={})
        return found.keys != plain.keys or any(
            small_in_all(
                [count for count in run.counts if count.arm == arm],
                [count for count in other if count.arm == arm],
                self.rule,
            )
            for other in others
            for arm in ("pilot", "comparator")
        )

    def run(self, home: Path) -> None:
        """A run folder: its files together, and its posterior."""
        try:
            run = read(home)
        except BadInput as error:
            self.unread(home, error)
            return
        own = [home / name for name in (*run.files, "manifest.json")]
        clean, log = cleared(run, self.rule, earlier=self.known)
        lines = [replace(line, output=self.of_run(home, run, line)) for line in log]
        draws = None
        if (home / POSTERIOR).is_file():
            draws = self.draws(home, run)
            lines += draws.log
        self.log += lines
        self.done |= {path for path in own if path.name != "posterior.nc" or draws is not None}
        if refused(log):
            return
        self.known.append(released(clean))
        if worst_of(lines) == "passed":
            self.copies += own
        else:
            self.runs[home] = replace(clean, posterior=draws.tree if draws else None)

    def unread(self, home: Path, error: BadInput) -> None:
        """A run folder that is not as fit wrote it: nothing of it may leave."""
        for path in sorted(home.iterdir()):
            if path.is_file():
                rule = "a run folder as fit wrote it"
                line = _line(self.name(path), "file of a damaged run", rule, refused=True)
                action = f"not exported: {error.place or Path(error.file).name}: {error.found}"
                lines = [replace(line, action=action)]
                if path.name == POSTERIOR:
                    lines += _draws_of(path, self.name(path), None, {}).log
                self.settle(path, lines)

    def draws(self, home: Path, run: Run) -> Draws:
        """The posterior that may leave."""
        path = home / POSTERIOR
        if run.evidence in PUBLIC:
            return _draws_of(path, self.name(path), None, {})
        sizes = run.extra["authority_sizes"][1] if "authority_sizes" in run.extra else ()
        who = authorities(sizes, self.rule)
        return _draws_of(path, self.name(path), who.may_leave, who.reasons)

    def of_run(self, home: Path, run: Run, line: LogLine) -> str:
        """The file that a line on a run is about."""
        _, _, part = line.output.partition(f"{run.analysis.name}: ")
        if not part:
            return self.name(home) if home != self.folder else run.analysis.name
        return self.name(home / f"{part}{'.json' if part == 'diagnostics' else '.csv'}")


def _draws_of(
    path: Path, output: str, may_leave: frozenset[str] | None, reasons: Mapping[str, str]
) -> Draws:
    try:
        tree = open_draws(path)
    except (OSError, ValueError) as error:
        line = _line(output, "posterior draws", "a netCDF file that can be read", refused=True)
        return Draws(
            tree=None, log=(replace(line, action=f"not exported: {type(error).__name__}"),)
        )
    return cleared_draws(tree, output=output, may_leave=may_leave, reasons=reasons)


def _line(output: str, what: str, rule: str, *, refused: bool = False) -> LogLine:
    if not refused:
        return LogLine(output=output, what=what, rule=rule, result="passed")
    return LogLine(
        output=output, what=what, rule=rule, result="refused", affected=1, action="not exported"
    )


def _of_log(output: str, path: Path) -> LogLine:
    """Logs of exports may leave; that of cells stays, as it tells which counts were small."""
    of_cells = (path.parent / f"{NAME}-log.csv").is_file()
    what = "disclosure log of cells" if of_cells else "disclosure log"
    rule = "a log names no number that was suppressed, nor which cells were small"
    return _line(output, what, rule, refused=of_cells)
