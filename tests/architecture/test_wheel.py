"""What pip installs works like the checkout: the launchers, style sheets and types travel in the wheel."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from raytui.manager.launchers import render

ROOT = Path(__file__).resolve().parents[2]


def test_the_wheel_renders_the_same_launchers_and_holds_every_style_sheet(tmp_path: Path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    env = {**os.environ, "PYTHONPATH": str(installed)}
    code = "import raytui, pathlib, sys; assert 'installed' in raytui.__file__; from raytui.manager.launchers import write; write(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "out")], env=env, cwd=tmp_path, check=True)
    assert {
        str(path.relative_to(tmp_path / "out")): path.read_bytes() for path in (tmp_path / "out").rglob("*.py")
    } == render()
    sheets = {path.relative_to(ROOT) for path in (ROOT / "raytui").rglob("*.tcss")}
    assert {path.relative_to(installed) for path in installed.rglob("*.tcss")} == sheets
    assert (installed / "raytui" / "py.typed").exists()
    assert (installed / "raytui" / "launchers" / "raytui_job.py").exists()
