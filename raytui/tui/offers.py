"""What a screen offers by name: the command palette lists it without knowing the screen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol, runtime_checkable


class Command(NamedTuple):
    """One thing that can be done."""

    name: str
    help: str
    run: Callable[[], object]


@runtime_checkable
class Offers(Protocol):
    """Whoever has commands."""

    def commands(self) -> Iterable[Command]:
        """What can be done here now."""
        ...


@runtime_checkable
class Holds(Protocol):
    """Whoever knows things that can be gone to by name."""

    def named(self, typed: str, alike: Callable[[str], bool]) -> list[Command]:
        """Those that are called as it was typed, or `alike`; asked in a thread, since there may be thousands."""
        ...


@runtime_checkable
class TakesText(Protocol):
    """A screen for which text is meant that was typed before it could have the focus."""

    def take(self, text: str) -> None:
        """Text that reached nobody else."""
        ...
