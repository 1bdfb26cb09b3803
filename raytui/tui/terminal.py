"""The terminal: written to where it really is, allowed to go away, and put aside and taken up again.

SIGTERM and SIGHUP end the console in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from io import TextIOWrapper
from typing import TextIO, cast

from rich.console import RenderableType
from textual._compositor import CompositorUpdate
from textual.app import App
from textual.drivers.linux_driver import LinuxDriver
from textual.geometry import Size

from raytui.core.units import sanitize
from raytui.tui.painted import Difference, Painted

_WITHOUT_TITLE = frozenset({"linux", "vt100", "vt102", "vt220", "ansi"})
"""Terminals that have no title, and may print what is meant for one."""


class PatientFile:
    """A terminal's file whose writes never fail.

    A terminal that is gone refuses every write; that would end Textual's writing thread, and the console would then
    wait for it for ever.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        """Write, as long as there is something to write to."""
        with contextlib.suppress(OSError):
            return self._file.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, as long as there is something to write to."""
        with contextlib.suppress(OSError):
            self._file.flush()

    def fileno(self) -> int:
        """Number of the file."""
        return self._file.fileno()

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._file.isatty()


class TerminalDriver(LinuxDriver):
    """Textual's driver on a patient file."""

    def __init__(
        self, app: App[object], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._file = cast("TextIOWrapper", PatientFile(screen_file()))
        self._is_aside = False
        """Whether it was put aside by a key: the terminal is as it was before, and nothing of the console reads it."""
        self._titled = os.environ.get("TERM", "") not in _WITHOUT_TITLE
        self._painted = Painted()
        self._painted_size: Size | None = None

    def _sigtstp_application(self, *arguments: object) -> None:
        self._is_aside = True
        super()._sigtstp_application(*arguments)

    def _sigcont_application(self, *arguments: object) -> None:
        """Go on with the whole screen after any stop, also one that nobody announced.

        After SIGSTOP there was no way out of the screen: Textual would begin a second time beside what still runs, and
        two threads would share the keys. Where another process has the terminal it stays stopped, until `fg`.
        """
        if not self._has_terminal():
            os.kill(os.getpid(), signal.SIGSTOP)
            return
        if not self._is_aside:
            self.suspend_application_mode()
        self._is_aside = False
        super()._sigcont_application(*arguments)
        self._app.call_later(self._app.refresh, layout=True)

    def _has_terminal(self) -> bool:
        """Whether this process is the one that the terminal belongs to; true where it is not that kind of terminal."""
        try:
            return os.tcgetpgrp(self.fileno) == os.getpgrp()
        except OSError:
            return True

    def tell_title(self, title: str) -> None:
        """Make the terminal's own title, which tabs and window lists show, say this."""
        if self._titled:
            self.write(f"\x1b]2;{sanitize(title)}\x07")

    def shortened(self, frame: RenderableType | None, size: Size) -> RenderableType | None:
        """A frame as the difference to what stands on the terminal, which has this size."""
        if size != self._painted_size:
            self._painted_size = size
            self._painted.forget()
        if frame is None:
            return None
        if isinstance(frame, CompositorUpdate):
            # Textual knows its own updates by their class, and does not render them as Rich would.
            return cast("RenderableType", Difference(frame, self._painted))
        self._painted.forget()
        return frame

    def start_application_mode(self) -> None:
        """Textual's way in, with the title that stood there before put by."""
        self._painted.forget()
        super().start_application_mode()  # type: ignore[no-untyped-call]  # Textual's own has no types
        if self._titled:
            self.write("\x1b[22;2t")

    def stop_application_mode(self) -> None:
        """Textual's way out, with the title that stood there before."""
        if self._titled:
            self.write("\x1b[23;2t")
        super().stop_application_mode()


def screen_file() -> TextIO:
    """Where the screen is: stderr, so that stdout stays free; stdout when only that is a terminal."""
    files = [file for file in (sys.__stderr__, sys.__stdout__) if file is not None]
    return next((file for file in files if file.isatty()), files[0])


def on_end(asked_to_end: Callable[[], None]) -> None:
    """Call `asked_to_end` from the event loop after SIGTERM or SIGHUP.

    One that whoever started us ignores stays ignored.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            continue
        # Only the main thread may take signals; a console in another one is ended by its owner.
        with contextlib.suppress(ValueError, RuntimeError):
            loop.add_signal_handler(number, asked_to_end)
