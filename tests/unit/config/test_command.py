"""The command that tells of a change, as a setting."""

from __future__ import annotations

import pytest

from raytui.config.settings import load
from raytui.core.errors import ConfigurationError


def test_words_are_told_apart_as_a_shell_does_and_nothing_else_of_a_shell_is_done(tmp_path):
    given = load({"notify": "~/page 'two words' $HOME"}, {"RAYTUI_STATE_DIR": str(tmp_path)}, tmp_path)
    assert given.notify.endswith("/page 'two words' '$HOME'")
    assert not given.notify.startswith("~")


@pytest.mark.parametrize("line", ["page 'me", "''", 'page "', "~nobody-of-this-name/bin/page"])
def test_a_command_that_cannot_be_read_is_refused_before_anything_is_asked(tmp_path, line):
    with pytest.raises(ConfigurationError) as refused:
        load({"notify": line}, {"RAYTUI_STATE_DIR": str(tmp_path)}, tmp_path)
    assert refused.value.problems[0].field == "notify"


def test_bell_and_command_are_off_and_each_profile_has_its_own(tmp_path):
    (tmp_path / "raytui.toml").write_text(
        '[profiles.a]\nplatform = "local"\nbell = true\nnotify = "page a"\n[profiles.b]\nplatform = "local"\n'
    )
    environ = {"RAYTUI_STATE_DIR": str(tmp_path)}
    a, b = (load({"profile": name}, environ, tmp_path) for name in "ab")
    assert (a.bell, a.notify, a.profiles) == (True, "page a", ("a", "b"))
    assert (b.bell, b.notify) == (False, "")
