"""What was checked, which rule was met and what was done, line by line, for a custodian."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Literal

from sofs_bayes.disclosure.ledger import Released, releases_text
from sofs_bayes.disclosure.rules import OutputRule
from sofs_bayes.errors import counted
from sofs_bayes.records.csv_rows import rows_to_csv

Result = Literal["passed", "suppressed", "refused"]
About = Literal["output", "run", "ledger"]

NOTHING = "nothing"
TITLE = "Disclosure log"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One rule applied to one output. Never a suppressed number itself.

    Attributes
    ----------
    output
        The file, or the run and its file.
    what
        What the output is.
    rule
        The rule in words.
    result
        `passed`: nothing had to be done; `suppressed`: the rest may leave; `refused`: nothing
        of the output may.
    affected
        How many rows, cells or variables were suppressed or refused.
    action
        What was done.
    vouched
        What says that the output is what it is said to be.
    about
        Whether the line is on one output, on a whole run, or on what was released before.
    """

    output: str
    what: str
    rule: str
    result: Result
    affected: int = 0
    action: str = NOTHING
    vouched: str = ""
    about: About = "output"


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """All that a custodian is told of one release.

    Attributes
    ----------
    told
        Whose children it is of, and what later releases are checked against.
    digests
        SHA-256 of what is released, by path; none where nothing is written.
    date, version
        Of the release (ISO), and of this package.
    """

    lines: Sequence[LogLine]
    rule: OutputRule
    told: Sequence[Released] = ()
    digests: Mapping[str, str] = field(default_factory=dict)
    date: str
    version: str


def log_csv(lines: Sequence[LogLine]) -> str:
    """The lines of a log as CSV."""
    return rows_to_csv(LogLine, lines)


def log_json(log: Log) -> str:
    """All of a log, for programs: what later exports are checked against."""
    document = {
        "date": log.date,
        "version": log.version,
        "threshold": log.rule.threshold,
        "zeros": log.rule.zeros,
        "releases": releases_text(log.told),
        "files": dict(log.digests),
        "log": [asdict(line) for line in log.lines],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def log_markdown(log: Log) -> str:
    """A page to read and sign: whose data, what was changed, every output with its rules."""
    lines = [line for line in log.lines if line.about != "ledger"]
    worst = _worst(log.lines)
    counts = {result: list(worst.values()).count(result) for result in RESULTS}
    text = [
        f"# {TITLE}\n",
        f"Date: {log.date}.\n",
        f"Made by: sofs-bayes {log.version}.\n",
        f"Rules: {log.rule}.\n",
        *(f"{each.what.capitalize()}: {each.action}.\n" for each in log.lines if each not in lines),
        f"Cleared for release as it is: {counted(counts['passed'], 'output')}. With something"
        f" suppressed: {counts['suppressed']}. Not cleared: {counts['refused']}.\n",
        "The log names what was suppressed, never its value.\n",
        *_whose(log.told),
    ]
    for result in ("refused", "suppressed"):
        chosen = [output for output in worst if worst[output] == result]
        if chosen:
            text += [f"## {HEADINGS[result]}", ""]
        for names, same in _alike(chosen, lines):
            text += _changed(names, same)
    text += _unchanged([line for line in lines if worst[line.output] == "passed"])
    return "\n".join([*text, *_files(log), *SIGNED])


def _worst(lines: Sequence[LogLine]) -> dict[str, Result]:
    """Every output with the worst result of its lines."""
    outputs = dict.fromkeys(line.output for line in lines if line.about != "ledger")
    return {each: worst_of(line for line in lines if line.output == each) for each in outputs}


def _whose(told: Sequence[Released]) -> Iterator[str]:
    """Whose data the outputs are of, and what they were made from."""
    if told:
        yield from ("## Whose data", "")
    for each in dict.fromkeys(
        (one.analysis, one.evidence, one.authorities, one.years, one.inputs) for one in told
    ):
        analysis, evidence, *lists = each
        names = ("Authorities", "Years", "Made from files with SHA-256")
        parts = [f"{n}: {', '.join(x)}." for n, x in zip(names, lists, strict=True) if x]
        yield f"- {' '.join([f'{analysis or "Tables"}: evidence {evidence}.', *parts])}"
    if told:
        yield ""


def _unchanged(lines: Sequence[LogLine]) -> Iterator[str]:
    """Outputs that are cleared as they are, a row each."""
    if lines:
        yield from (f"## {HEADINGS['passed']}", "")
        yield _row("Output", "What it is", "Rules that it meets", "What vouches for it")
        yield _row(*["---"] * 4)
    for output in dict.fromkeys(line.output for line in lines):
        own = [line for line in lines if line.output == output]
        rules, vouched = (
            "; ".join(dict.fromkeys(filter(None, texts)))
            for texts in (map(_met, own), (line.vouched for line in own))
        )
        yield _row(output, own[0].what, rules, vouched or "nothing")
    if lines:
        yield ""


def _files(log: Log) -> Iterator[str]:
    """Where the hashes are, and what binds them to this page."""
    if log.digests:
        digest = hashlib.sha256(log_json(log).encode("utf-8")).hexdigest()
        yield from ("## Files", "")
        yield (
            f"Released: {counted(len(log.digests), 'file')}. The file beside this one whose name"
            f" ends in disclosure.json (SHA-256 {digest}) has the SHA-256 of each, these lines,"
            " and the counts that the release tells, which later releases are checked against."
            ' There `"exact": false` says that events do not follow from a rate, as rates are'
            " weighted."
        )
        yield ""


TO_FILL_IN = ("Released / not released", "Name", "Date", "Signature")
SIGNED = ("## Decision", "", *(f"{each}: {'_' * 30}\n" for each in TO_FILL_IN))


def _met(line: LogLine) -> str:
    return line.rule if line.action == NOTHING else f"{line.rule} ({line.action})"


def _alike(
    outputs: Sequence[str], log: Sequence[LogLine]
) -> Iterable[tuple[list[str], list[LogLine]]]:
    """Outputs of which everything said is the same, with what is said of the first of them."""
    found: dict[tuple[LogLine, ...], list[str]] = {}
    for output in outputs:
        own = tuple(replace(line, output="") for line in log if line.output == output)
        found.setdefault(own, []).append(output)
    return ((names, list(lines)) for lines, names in found.items())


def _changed(names: Sequence[str], log: Sequence[LogLine]) -> list[str]:
    what = f"{log[0].what[:1].upper()}{log[0].what[1:]}"
    alone = len(names) == 1
    vouched = "; ".join(dict.fromkeys(line.vouched for line in log if line.vouched))
    return [
        f"### {names[0]}" if alone else f"### {what}: {counted(len(names), 'output')}",
        "",
        f"{what}." if alone else f"{', '.join(names)}.",
        "",
        *([f"Vouched for by: {vouched}.", ""] if vouched else []),
        "| Rule | Result | Affected | What was done |",
        "| --- | --- | ---: | --- |",
        *(_row(line.rule, line.result, str(line.affected or "–"), line.action) for line in log),
        "",
    ]


RESULTS: tuple[Result, ...] = ("passed", "suppressed", "refused")
SUMMARIES: Mapping[Result, str] = {
    "passed": "cleared for release",
    "suppressed": "with something suppressed",
    "refused": "not cleared",
}
HEADINGS = {
    "refused": "Not cleared",
    "suppressed": "Cleared for release with something suppressed",
    "passed": "Cleared for release as it is",
}


def summary(log: Sequence[LogLine]) -> str:
    """One line on a log: how many outputs are cleared, and what was done to others."""
    found = list(_worst(log).values())
    parts = [
        f"{count} {words}" for result, words in SUMMARIES.items() if (count := found.count(result))
    ]
    return f"{counted(len(found), 'output')}: {', '.join(parts)}" if parts else "nothing to check"


def worst_of(log: Iterable[LogLine]) -> Result:
    """The worst result of the lines; `passed` if there are none."""
    return max((line.result for line in log), key=RESULTS.index, default="passed")


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
