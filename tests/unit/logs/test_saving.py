"""What is said of a file that was written is what stands in it."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from raytui.core.errors import OperationFailed
from raytui.core.logline import LogLine
from raytui.core.remedy import as_commands
from raytui.logs.saving import save


async def test_only_lines_that_reached_the_disk_are_counted(tmp_path: Path) -> None:
    async def batches():
        yield [LogLine("head", "first"), LogLine("head", "second")]
        yield [LogLine("head", "third")]

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len("first\nsecond\n"), before[1]))
    try:
        with pytest.raises(OperationFailed) as failed:
            await save(batches(), tmp_path / "a.log", named=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert as_commands(failed.value.hint).startswith("2 lines were written")
    assert (tmp_path / "a.log").read_text() == "first\nsecond\n"
    assert (tmp_path / "a.log").stat().st_mode & 0o777 == 0o600
