"""A folder that the project has written → what of it may leave, made anew.

Nothing is copied. What leaves is written from what is known of a kind of file, and only of files
that a manifest lists with their hash; everything else is refused by name.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sofs_bayes.disclosure.authorities import authorities
from sofs_bayes.disclosure.ledger import Ledger, Released
from sofs_bayes.disclosure.log import LogLine, worst_of
from sofs_bayes.disclosure.origin import published_where
from sofs_bayes.disclosure.posteriors import Draws, cleared_draws, open_draws
from sofs_bayes.disclosure.rules import OutputRule
from sofs_bayes.errors import BadInput, SofsBayesError
from sofs_bayes.estimands.rows import AuthoritySizeRow
from sofs_bayes.folders.manifest import NAME as MANIFEST
from sofs_bayes.release.collected import LISTED, Collected, Write
from sofs_bayes.release.homes import ANALYSIS, judge_home
from sofs_bayes.release.runs import cleared, refused, released
from sofs_bayes.runs.run_folder import Run, read

EFFECTS, POSTERIOR = "effects.csv", "posterior.nc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What may leave of a folder.

    Attributes
    ----------
    log, files, manifests, runs
        As in `Collected`.
    told
        What all of it tells, for the ledger.
    """

    log: tuple[LogLine, ...]
    files: Mapping[str, Write]
    manifests: Mapping[str, Mapping[str, Any]]
    runs: Mapping[str, Run]
    told: tuple[Released, ...]

    @property
    def clean(self) -> bool:
        """Whether everything may leave as it is."""
        return worst_of(self.log) == "passed"


def judged_folder(folder: Path, rule: OutputRule, ledger: Ledger) -> Judged:
    """The verdict on every file of a folder: run folders as runs, others manifest by manifest."""
    found = Collected(folder=folder, rule=rule, known=[*ledger.before])
    left = []
    for path in _paths(folder):
        if path.is_symlink() or not path.is_file():
            found.refused(path, "link to another place", "no links, and no special files")
        else:
            left.append(path)
    homes = {path.parent for path in left if path.name == MANIFEST}
    for path in left:
        if path.name == EFFECTS and path.parent in homes and path.parent / ANALYSIS in left:
            _judge_run(found, path.parent)
    by_home: dict[Path | None, list[Path]] = {}
    for path in left:
        home = next((each for each in path.parents if each in homes), None)
        by_home.setdefault(home, []).append(path)
    for own_home, own in by_home.items():
        judge_home(found, own_home, [path for path in own if path not in found.done])
    return Judged(
        log=tuple(found.log),
        files=found.files,
        manifests=found.manifests,
        runs=found.runs,
        told=tuple(found.known[len(ledger.before) :]),
    )


def _paths(folder: Path) -> Iterator[Path]:
    """All files below a folder, and links to folders, none of which is followed."""
    for home, folders, names in os.walk(folder):
        folders.sort()
        links = [name for name in folders if (Path(home) / name).is_symlink()]
        for name in sorted([*names, *links]):
            yield Path(home) / name


def _judge_run(found: Collected, home: Path) -> None:
    """Settle a run folder: its files together, and its posterior."""
    try:
        run = read(home)
    except SofsBayesError as error:
        why = "an analysis that cannot be read"
        if isinstance(error, BadInput):
            why = f"{error.place or Path(str(error.file)).name}: {error.found}"
        for path in sorted(home.iterdir()):
            if path.is_file() and not path.is_symlink():
                found.refused(path, "file of a damaged run", "a run folder as fit wrote it", why)
        return

    def place(part: str) -> str:
        if not part:
            return found.name(home) if home != found.folder else run.analysis.name
        return found.name(home / f"{part}{'.json' if part == 'diagnostics' else '.csv'}")

    clean, log = cleared(run, found.rule, earlier=found.known, place=place)
    found.log += log
    draws = _draws(found, home, run) if POSTERIOR in run.files else None
    found.log += draws.log if draws else ()
    found.done |= {home / name for name in (*run.files, MANIFEST)}
    if refused(log):
        return
    found.known.append(released(clean, of=run, earlier=found.known))
    found.runs[found.name(home)] = replace(clean, posterior=draws.tree if draws else None)


def _draws(found: Collected, home: Path, run: Run) -> Draws:
    """The posterior that may leave."""
    path = home / POSTERIOR
    may_leave: frozenset[str] | None = None
    reasons: Mapping[str, str] = {}
    if not published_where(run.evidence, run.analysis):
        sizes = run.rows(AuthoritySizeRow)
        who = authorities(sizes, found.rule)
        may_leave, reasons = who.may_leave, who.reasons
    try:
        tree = open_draws(path)
    except (BadInput, OSError, ValueError, KeyError) as error:
        why = error.found if isinstance(error, BadInput) else "cannot be read"
        line = LogLine(
            output=found.name(path),
            what="posterior draws",
            rule="draws in a netCDF file that can be read, all of it in the file",
            result="refused",
            affected=1,
            action=f"not exported: {why}",
        )
        return Draws(tree=None, log=(line,))
    return cleared_draws(
        tree,
        output=found.name(path),
        may_leave=may_leave,
        reasons=reasons,
        vouched=LISTED,
    )
