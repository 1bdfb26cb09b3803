"""Compressed logs of a folder: read as others are, and what cannot be read is said."""

from __future__ import annotations

import asyncio
import gzip
import os
import subprocess
from pathlib import Path
from shutil import which

import pytest

from raytui.core.errors import OperationFailed
from raytui.core.logline import Query
from raytui.core.patterns import compile_pattern
from raytui.logs.reading import packed
from raytui.logs.sources.folder import Folder

TEXT = b"".join(
    b"[2026-11-24 08:00:%02d,%03d I 4 4] (raylet) a.cc:9: line %d\n" % (n // 1000, n % 1000, n) for n in range(20_000)
)


EVERYTHING = Query()


async def read(root: Path, query: Query = EVERYTHING) -> tuple[list[str], list[str]]:
    folder, missed = Folder(root), []
    sources, _ = await folder.matching(None, ())
    batches = folder.lines(sources, query, missed.append)
    found = [line.text async for batch in batches for line in batch if not line.mark]
    return found, [f"{each.source}: {each.reason}" for each in missed]


async def test_a_compressed_log_is_searched_and_merged_with_others(tmp_path):
    (tmp_path / "raylet.out.1.gz").write_bytes(gzip.compress(TEXT[: TEXT.index(b"line 9\n") + 7]))
    (tmp_path / "raylet.out").write_bytes(TEXT[TEXT.index(b"line 9\n") + 7 :])
    found, missed = await read(tmp_path)
    assert (found, missed) == (TEXT.decode().splitlines(), [])
    folder = Folder(tmp_path)
    sources, _ = await folder.matching(None, ())
    counted = folder.counts(sources, Query(compile_pattern("line [0-9]$", "grep")), missed.append)
    assert [(source.name, count) async for source, count in counted] == [("raylet.out", 0), ("raylet.out.1.gz", 10)]
    assert not list(tmp_path.glob("*.tmp"))


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: data[:-8] + b"\0" * 8])
async def test_what_stands_before_a_damage_is_read_and_the_damage_is_said(tmp_path, damage):
    (tmp_path / "a.gz").write_bytes(damage(gzip.compress(os.urandom(100_000).hex().encode() + b"\n" + TEXT)))
    (tmp_path / "b").write_bytes(TEXT)
    found, missed = await read(tmp_path)
    assert len(found) > 20_000
    assert len(missed) == 1
    assert missed[0].startswith("a.gz: a.gz is damaged after ")


async def test_what_is_no_compressed_log_or_too_large_is_named(tmp_path, monkeypatch):
    (tmp_path / "a.gz").write_bytes(b"plain text\n")
    (tmp_path / "b.zst").write_bytes(b"plain text\n")
    (tmp_path / "c.gz").write_bytes(gzip.compress(bytes(3_000_000)))
    monkeypatch.setattr(packed, "ROOM", 2_000_000)
    found, missed = await read(tmp_path)
    assert found == []
    assert sorted(each.partition(":")[0] for each in missed) == ["a.gz", "b.zst", "c.gz"]
    with pytest.raises(OperationFailed, match=r"c\.gz is larger unpacked than the room"):
        async with packed.unpacked(tmp_path / "c.gz", "c.gz"):
            pass


async def test_zst_is_read_by_the_program_and_named_where_there_is_none(tmp_path, monkeypatch):
    script = tmp_path / "bin" / "zstd"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\nexec gzip -dc\n")
    script.chmod(0o755)
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "a.zst").write_bytes(gzip.compress(TEXT))
    monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")
    assert await read(folder) == (TEXT.decode().splitlines(), [])
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(OperationFailed, match=r"a\.zst cannot be unpacked: there is no program zstd here"):
        await read(folder)


@pytest.mark.parametrize("program", [name for name in ("zstd",) if which(name)])
async def test_zst_of_the_real_program(tmp_path, program):
    compressed = await asyncio.to_thread(subprocess.run, [program, "-c"], input=TEXT, capture_output=True, check=True)
    (tmp_path / "a.zst").write_bytes(compressed.stdout)
    assert await read(tmp_path) == (TEXT.decode().splitlines(), [])
