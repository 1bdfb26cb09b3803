"""Lines of logs written to a file of one's own, as they come, readable by nobody else."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TextIO

from raytui.core.errors import OperationFailed
from raytui.core.logline import LogLine
from raytui.system.files import PRIVATE


async def save(batches: AsyncIterator[list[LogLine]], path: Path, *, named: bool) -> int:
    """Write lines to a new file, with the names of their logs where `named`; answers how many.

    Raises `OperationFailed` when there is such a file already or it cannot be written; what was written stays.
    """
    count = 0
    try:
        number = await asyncio.to_thread(os.open, path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE)
        with os.fdopen(number, "w", encoding="utf-8", errors="backslashreplace") as file:
            async for batch in batches:
                texts = [f"{line.source}  {line.text}\n" if named else f"{line.text}\n" for line in batch]
                await asyncio.to_thread(_write, file, texts)
                count += len(batch)
    except FileExistsError:
        raise OperationFailed(
            f"{path} was not written: there is such a file already", hint="name another one", reason="Exists"
        ) from None
    except OSError as error:
        raise OperationFailed(
            f"{path} cannot be written: {error.strerror or error}",
            hint=f"{count:,} lines were written; name another place",
            reason="Unwritable",
        ) from error
    return count


def _write(file: TextIO, texts: Sequence[str]) -> None:
    """Write them through, so that a full disk is met before they are counted."""
    file.writelines(texts)
    file.flush()
