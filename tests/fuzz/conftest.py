"""The counts of the long version, below the results of the tests."""

import pytest
from tests.fuzz.trying import COUNTS, ENDS, LONG


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if LONG:
        terminalreporter.write_sep("=", "what was tried")
        terminalreporter.write_line(f"{'suite':24}" + "".join(f"{end:>14}" for end in ENDS))
        for suite, counts in sorted(COUNTS.items()):
            terminalreporter.write_line(
                f"{suite:24}" + "".join(f"{counts[end]:14,}" for end in ENDS)
            )
