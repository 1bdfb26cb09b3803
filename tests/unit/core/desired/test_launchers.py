from __future__ import annotations

import pytest

from raytui.core.desired.launchers import (
    FOLDER,
    folder_for,
    folder_in_use,
    is_own_folder,
    mode_of,
    needs_node_program,
    node_folder,
    own_folder,
)

FILES = {"ray_head_launcher.py": b"runs raytui_node", "raytui_node/node.py": b"pass"}


def test_a_folder_of_its_own_is_named_after_what_it_holds():
    assert own_folder(FILES) == own_folder(dict(reversed(FILES.items())))
    assert own_folder(FILES) != own_folder({**FILES, "raytui_node/node.py": b"else"})
    assert is_own_folder(own_folder(FILES))


@pytest.mark.parametrize(
    "name", ["launchers", "launchers-old", "launchers-0123456", "launchers-0123456g", "x-01234567", "01234567"]
)
def test_other_names_are_no_folders_of_a_set(name: str):
    assert not is_own_folder(name)


@pytest.mark.parametrize(
    ("held", "in_use", "own"),
    [
        ({}, {FOLDER}, False),
        (FILES, {FOLDER}, False),
        ({**FILES, "raytui_node/node.py": None}, {FOLDER}, False),
        ({**FILES, "raytui_node/node.py": b"older"}, {FOLDER}, True),
        ({**FILES, "raytui_node/node.py": b"older"}, set(), False),
        ({**FILES, "raytui_node/node.py": b"older"}, {"launchers-01234567"}, False),
    ],
)
def test_only_other_files_in_use_send_a_set_elsewhere(held, in_use, own):
    assert folder_for(FILES, held, in_use) == (own_folder(FILES) if own else FOLDER)


@pytest.mark.parametrize(
    ("script", "folder", "node"),
    [
        (".raytui/c/launchers/ray_head_launcher.py", "launchers", ".raytui/c/launchers/raytui_node"),
        (
            "/s/local/c/launchers-0123abcd/ray_head_launcher.py",
            "launchers-0123abcd",
            "/s/local/c/launchers-0123abcd/raytui_node",
        ),
        ("mine/ray_head_launcher.py", "launchers", "mine/raytui_node"),
        ("head.py", "launchers", "raytui_node"),
    ],
)
def test_what_a_script_runs_stands_beside_it(script: str, folder: str, node: str):
    assert (folder_in_use(script), node_folder(script)) == (folder, node)


def test_scripts_are_programs_and_modules_are_read():
    assert [mode_of(name) for name in FILES] == [0o755, 0o644]
    assert [needs_node_program(data) for data in FILES.values()] == [True, False]
