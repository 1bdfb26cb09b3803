"""What stands behind an error: HTTP libraries wrap the system's own error, which tells most, in several of theirs."""

from __future__ import annotations

from collections.abc import Iterator


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and whatever caused it, the nearest first; of a group each member too."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            yield from error.exceptions
        error = error.__cause__ or error.__context__
