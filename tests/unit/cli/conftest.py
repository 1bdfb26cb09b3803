"""A clean place to call the command line from, and a session that shows one scripted snapshot."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import pytest

from raytui import bootstrap
from raytui.core.observed.node_metrics import NodeMetrics
from raytui.core.observed.snapshot import Node, Snapshot
from raytui.dashboard.metrics import read_metrics
from raytui.logs.engine import Logs
from raytui.startup import main
from tests.fakes.platform import FakePlatform


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings from outside."""
    for name in (
        "RAYTUI_CONFIG",
        "RAYTUI_PROFILE",
        "RAYTUI_CLUSTER",
        "RAYTUI_VENV",
        "CML_HOST",
        "CML_PROJECT_ID",
        "CML_API_KEY",
    ):
        monkeypatch.delenv(name, raising=False)
    for name in ("CDSW_DOMAIN", "CDSW_PROJECT_URL", "CDSW_PROJECT_ID", "CDSW_APIV2_KEY", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RAYTUI_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


class Seen:
    """A session in which exactly one snapshot is seen."""

    def __init__(self, settings: Any, snapshot: Snapshot, platform: FakePlatform) -> None:
        self.settings = settings
        self.platform = platform
        self.monitor = self
        self.snapshot = snapshot
        self.logs = Logs(platform, lambda target: None)  # type: ignore[arg-type,return-value]

    async def observe(self, questions: object = ()) -> Snapshot:
        return self.snapshot

    async def metrics(self, node: Node, session: str) -> NodeMetrics:
        return await read_metrics(node, session)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.logs.close()


Show = Callable[..., None]


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Show:
    """`show(snapshot, platform=…)`: what every session sees from now on."""

    def use(snapshot: Snapshot, platform: FakePlatform | None = None) -> None:
        monkeypatch.setattr(
            bootstrap,
            "open_session",
            lambda settings, long_lived=False: Seen(settings, snapshot, platform or FakePlatform()),
        )

    return use


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Any, str]]:
    """`call("nodes")` with -o json: exit code, document, stderr."""

    def run(*words: str) -> tuple[int, Any, str]:
        code = main([*words, "-o", "json"])
        out, err = capsys.readouterr()
        return code, json.loads(out), err

    return run


@pytest.fixture
def text(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """`text("nodes")`: exit code, stdout, stderr."""

    def run(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        out, err = capsys.readouterr()
        return code, out, err

    return run
