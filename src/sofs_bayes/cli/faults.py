"""What ends a command before its time: a signal, or a fault that nobody foresaw."""

import argparse
import errno
import signal
import tempfile
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from sofs_bayes.errors import BadInput, BadParameter, SofsBayesError

UNFORESEEN = 70
INTERRUPTED = 130
# Verbs that keep what is finished where they write.
RESUMES = ("reanalyse", "fit", "replicate", "calibrate", "recover", "placebo")
ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def interruptible() -> Iterator[None]:
    """The system's polite request to end acts as an interrupt from the keyboard does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked: list[int] = []

    def interrupt(number: int, _: FrameType | None) -> NoReturn:
        asked.append(number)
        raise KeyboardInterrupt

    before = {signal.SIGTERM: signal.signal(signal.SIGTERM, interrupt)}
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not one that is ignored
        before[signal.SIGINT] = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    except Exception as error:
        if asked:  # which a library told by an error of its own
            raise KeyboardInterrupt from error
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def no_room(error: Exception) -> BadInput | None:
    """What to say of a full disk, wherever it was met; nothing of other faults."""
    if not isinstance(error, OSError) or error.errno not in ROOM:
        return None
    where = str(error.filename2 or error.filename or "the disk")
    return BadInput(where, "", "no space left", "a place with room enough")


def last_line(error: Exception, *, debug: bool) -> str:
    """One line on a fault that nobody foresaw; its own words may hold a value, and stay out."""
    kind = type(error).__name__
    if not debug:
        return f"an unforeseen fault ({kind}); with --debug its traceback is written to a file"
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", prefix="sofs-bayes-", suffix="-traceback.txt", delete=False
    ) as file:
        file.write("".join(traceback.format_exception(error)))
    said = "it may quote records, and stays where they are"
    return f"an unforeseen fault ({kind}); its traceback is in {file.name}: {said}"


def as_option(error: SofsBayesError, parser: argparse.ArgumentParser) -> str:
    """A message on a parameter as one on the option that gives it, where the verb has one."""
    if isinstance(error, BadParameter):
        for action in parser._actions:
            if action.option_strings and action.dest == error.file:
                return action.option_strings[-1] + str(error).removeprefix(error.file)
    return str(error)
