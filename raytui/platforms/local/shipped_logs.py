"""Logs that the launchers of a local cluster shipped, found in its folder of logs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from raytui.core.shipped_logs import LIFE_RECORD, NodeLife, is_life, life_of
from raytui.platforms.local.files import Folder
from raytui.system.files import read_regular


def lives(folder: Folder) -> tuple[NodeLife, ...]:
    """Every kept life of every node, by node and time; folders that cannot be read are left out."""
    found = []
    for node in _folders(folder.logs):
        for place in _folders(node):
            if is_life(place.name):
                path = f"{folder.cluster}/logs/{node.name}/{place.name}"
                found.append(life_of(node.name, place.name, path, _record(place), _files(place)))
    return tuple(life for life in found if life.logs)


def _folders(place: Path) -> list[Path]:
    try:
        with os.scandir(place) as entries:
            return sorted(Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []


def _record(place: Path) -> bytes:
    try:
        return read_regular(place / LIFE_RECORD)
    except OSError:
        return b""


def _files(place: Path) -> Iterator[tuple[str, int]]:
    try:
        with os.scandir(place) as entries:
            held = [entry for entry in entries if entry.is_file(follow_symlinks=False)]
    except OSError:
        return
    for entry in held:
        try:
            yield entry.name, entry.stat().st_size
        except OSError:  # it gave way to a newer one meanwhile
            continue
