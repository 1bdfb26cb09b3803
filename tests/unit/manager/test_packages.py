"""A working directory as a package: what is in it, what is left out, and a name that says what is in it."""

from __future__ import annotations

import io
import zipfile

import pytest

from raytui.core.errors import ConfigurationError
from raytui.manager import packages
from raytui.manager.packages import pack


def names_in(package) -> set[str]:
    with zipfile.ZipFile(io.BytesIO(package.data)) as packed:
        return set(packed.namelist())


def filled(folder, **files: str):
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_what_is_ignored_and_what_ray_never_packs_is_left_out(tmp_path) -> None:
    filled(tmp_path, main="print(1)", data__big="x", sub__keep="y", sub__drop="z", venv__lib="v")
    (tmp_path / ".gitignore").write_text("data/\n")
    (tmp_path / "sub" / ".rayignore").write_text("drop\n")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text("secret")
    assert names_in(pack(str(tmp_path))) == {"main", "sub/keep", ".gitignore", "sub/.rayignore"}


def test_the_same_files_have_the_same_name_and_others_another(tmp_path) -> None:
    first = pack(str(filled(tmp_path / "a", main="print(1)")))
    again = pack(str(filled(tmp_path / "b", main="print(1)")))
    other = pack(str(filled(tmp_path / "c", main="print(2)")))
    assert first.name == again.name != other.name
    assert first.uri == f"gcs://{first.name}"


def test_a_folder_that_is_too_large_names_its_largest_files(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(packages, "MOST_BYTES", 10)
    filled(tmp_path, small="1", large="x" * 50)
    with pytest.raises(ConfigurationError, match="Ray takes packages of up to") as caught:
        pack(str(tmp_path))
    assert "the largest files are large" in str(caught.value.problems[0].hint)


def test_a_folder_that_is_none_is_refused(tmp_path) -> None:
    with pytest.raises(ConfigurationError, match="is no folder"):
        pack(str(tmp_path / "nowhere"))


def test_a_link_in_a_circle_ends(tmp_path) -> None:
    filled(tmp_path, main="1")
    (tmp_path / "again").symlink_to(tmp_path)
    assert names_in(pack(str(tmp_path))) == {"main"}
