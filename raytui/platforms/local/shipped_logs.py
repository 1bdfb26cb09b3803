"""Logs that the launchers of a local cluster shipped, found in its folder of logs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from raytui.core.errors import OperationFailed
from raytui.core.observed.shipped_logs import LIFE_RECORD, NodeLife, is_life, is_node, life_of
from raytui.platforms.local.files import Folder
from raytui.system.files import read_regular


def lives(folder: Folder) -> tuple[NodeLife, ...]:
    """Every kept life of every node, by node and time.

    Raises `OperationFailed` when the folder of logs cannot be read; what cannot be read below it keeps back nothing
    else.
    """
    try:
        nodes = [place for place in _folders(folder.logs) if is_node(place.name)]
    except OSError as error:
        raise OperationFailed(
            f"{folder.logs} cannot be read: {error.strerror or error}", reason="Unreadable"
        ) from error
    found = []
    for node in nodes:
        try:
            places = [place for place in _folders(node) if is_life(place.name)]
        except OSError as error:
            found.append(NodeLife(node.name, unreadable=f"{node} cannot be read: {error.strerror or error}"))
            continue
        found += [_life(folder, node.name, place) for place in places]
    return tuple(life for life in found if life.logs or life.unreadable)


def _life(folder: Folder, node: str, place: Path) -> NodeLife:
    try:
        files = list(_files(place))
    except OSError as error:
        return NodeLife(node, place.name, unreadable=f"{place} cannot be read: {error.strerror or error}")
    return life_of(node, place.name, f"{folder.cluster}/logs/{node}/{place.name}", _record(place), files)


def _folders(place: Path) -> list[Path]:
    """The folders in a folder, none where there is none; raises OSError."""
    try:
        with os.scandir(place) as entries:
            return sorted(Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False))
    except (FileNotFoundError, NotADirectoryError):
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
    except FileNotFoundError:  # the life gave way meanwhile
        return
    for entry in held:
        try:
            yield entry.name, entry.stat().st_size
        except OSError:  # it gave way to a newer one meanwhile
            continue
