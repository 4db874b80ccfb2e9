"""Says in one line that a command was stopped: by Ctrl-C, by the system (SIGTERM), or with its terminal (SIGHUP)."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import typer

GOES_ON = ("run", "demo", "report", "train")
"""Commands that go on where they stopped."""
SERVES = "view"
"""It is ended in no other way."""

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class Stopped(KeyboardInterrupt):
    """Another signal than that of Ctrl-C, which stops a command in the same way."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


@contextmanager
def told_when_stopped(command: Callable[[], str]) -> Iterator[None]:
    """Let signals end what is done meanwhile in good order, with a line on stderr and 128 + its number as exit code.

    A signal that is ignored, as by nohup, stays so; the second of its kind ends the process at once.
    """
    # Elsewhere than in the main thread Python sets none.
    ours = threading.current_thread() is threading.main_thread()
    caught = [number for number in _SIGNALS if ours and signal.getsignal(number) is signal.SIG_DFL]
    for number in caught:
        signal.signal(number, _stop)
    try:
        yield
    except KeyboardInterrupt as error:
        number = error.number if isinstance(error, Stopped) else signal.SIGINT
        if command() != SERVES:
            with suppress(OSError):  # the terminal is gone
                typer.echo(stopped_sentence(command(), number), err=True)
        raise typer.Exit(128 + number) from None
    finally:
        for number in caught:
            signal.signal(number, signal.SIG_DFL)


def stopped_sentence(command: str, number: int) -> str:
    """What is told of a command that was stopped by a signal."""
    by = "" if number == signal.SIGINT else f" by {signal.Signals(number).name}"
    if command in GOES_ON:
        return f"tablesim: stopped{by}; what was done is kept, and the same command goes on where it stopped"
    return f"tablesim: stopped{by}; no file is half written"


def _stop(number: int, _: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
    raise Stopped(number)
