"""What is found of a folder on its way out, file by file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sofs_bayes.disclosure.ledger import Released
from sofs_bayes.disclosure.log import LogLine
from sofs_bayes.disclosure.rules import OutputRule
from sofs_bayes.runs.run_folder import Run

Write = Callable[[Path], object]
LISTED = "its SHA-256, which its folder's manifest lists"


@dataclass(slots=True, kw_only=True)
class Collected:
    """A folder on its way out; everything but the folder and the rule is filled.

    Attributes
    ----------
    known
        What is out already, or leaves with this folder.
    log
        Of every file.
    files
        What writes each file that leaves, by its path below the folder.
    manifests
        What the new manifest of each folder of files takes over; runs have their own.
    runs
        Run folders that leave, by their path below the folder.
    done
        Files that are settled.
    """

    folder: Path
    rule: OutputRule
    known: list[Released]
    log: list[LogLine] = field(default_factory=list)
    files: dict[str, Write] = field(default_factory=dict)
    manifests: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    done: set[Path] = field(default_factory=set)

    def name(self, path: Path) -> str:
        """A path below the folder, as the log names it."""
        return path.relative_to(self.folder).as_posix()

    def passed(
        self,
        path: Path,
        what: str,
        rule: str,
        write: Write | str | None = None,
        *,
        vouched: str = LISTED,
    ) -> None:
        """Note a file that leaves, made anew by what writes it; or is left out without harm."""
        self.done.add(path)
        self.log.append(
            LogLine(output=self.name(path), what=what, rule=rule, result="passed", vouched=vouched)
        )
        if isinstance(write, str):
            text = write.encode("utf-8")
            self.files[self.name(path)] = lambda target: target.write_bytes(text)
        elif write is not None:
            self.files[self.name(path)] = write

    def suppressed(self, path: Path, what: str, rule: str, text: str, affected: int) -> None:
        """Note a file that leaves without some of its rows or numbers."""
        self.passed(path, what, rule, text)
        self.log[-1] = replace(
            self.log[-1], result="suppressed", affected=affected, action="rows or numbers removed"
        )

    def refused(
        self, path: Path, what: str, rule: str, why: str = "", *, affected: int = 1
    ) -> None:
        """Note a file that does not leave."""
        self.done.add(path)
        self.log.append(
            LogLine(
                output=self.name(path),
                what=what,
                rule=rule,
                result="refused",
                affected=affected,
                action=f"not exported: {why}" if why else "not exported",
            )
        )
