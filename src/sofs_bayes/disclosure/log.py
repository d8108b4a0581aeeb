"""What was checked, which rule was met and what was done, line by line, for a custodian."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sofs_bayes.records.csv_rows import rows_to_csv

Result = Literal["passed", "suppressed", "refused"]

NOTHING = "nothing"
TITLE = "Disclosure log"
LEDGER = "ledger"  # the output of the line that says what was looked at besides


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
    """

    output: str
    what: str
    rule: str
    result: Result
    affected: int = 0
    action: str = NOTHING


def log_csv(log: Sequence[LogLine]) -> str:
    """The log as CSV."""
    return rows_to_csv(LogLine, log)


def log_markdown(log: Sequence[LogLine], *, rule: str) -> str:
    """The log for reading: a summary, what was changed, then every output with its rules.

    Parameters
    ----------
    rule
        The rules' numbers in words.
    """
    about = [f"{line.what}: {line.action}." for line in log if line.output == LEDGER]
    log = [line for line in log if line.output != LEDGER]
    outputs = list(dict.fromkeys(line.output for line in log))
    worst = {output: worst_of(line for line in log if line.output == output) for output in outputs}
    counts = {result: list(worst.values()).count(result) for result in RESULTS}
    lines = [
        f"# {TITLE}",
        "",
        f"Rules: {rule}.",
        "",
        *(text for line in about for text in (line[:1].upper() + line[1:], "")),
        f"Outputs: {counts['passed']} are cleared for release as they are,"
        f" {counts['suppressed']} with something suppressed, {counts['refused']} are not cleared.",
        "",
        "The log names what was suppressed, never its value.",
        "",
    ]
    for result in ("refused", "suppressed"):
        chosen = [output for output in outputs if worst[output] == result]
        if chosen:
            lines += [f"## {HEADINGS[result]}", ""]
        for names, same in _alike(chosen, log):
            lines += _changed(names, same)
    if unchanged := [line for line in log if worst[line.output] == "passed"]:
        lines += [f"## {HEADINGS['passed']}", "", "| Output | What it is | Rules that it meets |"]
        lines += ["| --- | --- | --- |"]
        for output in dict.fromkeys(line.output for line in unchanged):
            own = [line for line in unchanged if line.output == output]
            rules = "; ".join(dict.fromkeys(_met(line) for line in own))
            lines.append(_row(output, own[0].what, rules))
        lines.append("")
    return "\n".join(lines)


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
    return [
        f"### {names[0]}" if alone else f"### {what}: {len(names)} outputs",
        "",
        f"{what}." if alone else f"{', '.join(names)}.",
        "",
        "| Rule | Result | Affected | What was done |",
        "| --- | --- | ---: | --- |",
        *(_row(line.rule, line.result, str(line.affected or "–"), line.action) for line in log),
        "",
    ]


RESULTS: tuple[Result, ...] = ("passed", "suppressed", "refused")
SUMMARIES: Mapping[Result, str] = {
    "passed": "outputs cleared for release",
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
    outputs = dict.fromkeys(line.output for line in log if line.output != LEDGER)
    found = [worst_of(line for line in log if line.output == output) for output in outputs]
    parts = [
        f"{count} {words}" for result, words in SUMMARIES.items() if (count := found.count(result))
    ]
    return ", ".join(parts) or "nothing to check"


def worst_of(log: Iterable[LogLine]) -> Result:
    """The worst result of the lines; `passed` if there are none."""
    return max((line.result for line in log), key=RESULTS.index, default="passed")


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
