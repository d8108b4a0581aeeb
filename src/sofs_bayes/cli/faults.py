"""What ends a command before its time: a signal, or a fault that nobody foresaw."""

import errno
import signal
import tempfile
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

UNFORESEEN = 70
ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def interruptible() -> Iterator[None]:
    """The system's polite request to end acts as an interrupt from the keyboard does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def last_line(error: Exception, *, debug: bool) -> str:
    """One line on a fault that nobody foresaw; its own words may hold a value, and stay out."""
    if isinstance(error, OSError) and error.errno in ROOM:
        where = error.filename2 or error.filename or "the disk"
        return f"{where}: found no space left; allowed: a place with room enough"
    kind = type(error).__name__
    if not debug:
        return f"an unforeseen fault ({kind}); with --debug its traceback is written to a file"
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", prefix="sofs-bayes-", suffix="-traceback.txt", delete=False
    ) as file:
        file.write("".join(traceback.format_exception(error)))
    said = "it may quote records, and stays where they are"
    return f"an unforeseen fault ({kind}); its traceback is in {file.name}: {said}"


def _interrupt(_: int, __: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
