"""What a terminal is shown on stdout: signs that would steer it, out of metadata or names of files, are written out."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tablesim.errors import shown


class PlainStream(io.TextIOWrapper):
    """Writes a text as ``shown`` gives it."""

    def write(self, text: str) -> int:
        """Write; gives how many characters were given."""
        super().write(shown(text))
        return len(text)


@contextmanager
def plain_terminal() -> Iterator[None]:
    """Show what is printed meanwhile as plain text, where stdout is a terminal: files and programs get every byte."""
    real = sys.stdout
    if not real.isatty() or not hasattr(real, "buffer"):
        yield
        return
    real.flush()
    plain = PlainStream(real.buffer, encoding=real.encoding, errors=real.errors, line_buffering=True)
    sys.stdout = plain
    try:
        yield
    finally:
        sys.stdout = real
        plain.flush()
        plain.detach()
