"""`[keys]` in the configuration: ids of the table, names of keys, and no key twice where both would work; all that is wrong at once."""

from __future__ import annotations

import pytest

from raytui.config.keys import BY_ID, KEY_SETTINGS, check, normal_key
from raytui.config.sample import sample
from raytui.config.settings import load
from raytui.core.errors import ConfigurationError


def settings(tmp_path, text):
    file = tmp_path / "raytui.toml"
    file.write_text(text)
    return load({"config": str(file)}, {"HOME": str(tmp_path)}, tmp_path)


def test_keys_are_read_by_their_ids_and_know_their_file(tmp_path):
    found = settings(tmp_path, '[keys]\nstart = "f2"\nstop = " s , ctrl+X "\n')
    assert found.keys == {"start": "f2", "stop": "s,ctrl+x"}
    assert found.origins["keys.start"] == str(tmp_path / "raytui.toml")


def test_all_that_is_wrong_with_keys_and_profiles_is_told_at_once(tmp_path):
    text = '[profiles.local]\nrefresh = "often"\n[keys]\nstrat = "a"\nhelp = 1\nstop = "s"\nfilter = "ctrl+nothing"\norder = "j"\n'
    with pytest.raises(ConfigurationError) as caught:
        settings(tmp_path, text)
    reported = {problem.field: problem for problem in caught.value.problems}
    assert set(reported) == {
        "profiles.local.refresh",
        "keys.strat",
        "keys.help",
        "keys.stop",
        "keys.filter",
        "keys.order",
    }
    assert reported["keys.strat"].hint == "did you mean start?"
    assert "s is also the key of start" in reported["keys.stop"].message
    assert all(str(tmp_path / "raytui.toml") in problem.message for problem in reported.values())


@pytest.mark.parametrize(
    ("own", "clash"),
    [
        ({"start": "r"}, True),  # restart works in the list of applications, where start works too
        ({"follow": "r"}, False),  # the log and the list of applications are different places
        ({"reverse": "s"}, False),  # there is no start in a list
        ({"jobs": "o"}, True),  # what works anywhere works in lists
        ({"start": "x", "stop": "s"}, False),
        ({"find": "escape"}, True),
    ],
)
def test_the_same_key_twice_is_refused_only_where_both_would_work(own, clash):
    assert bool(check(own)[1]) is clash


def test_what_is_wrong_is_told_once_for_each_pair_of_keys():
    _, problems = check({"start": "f2", "stop": "f2", "help": "f2"})
    assert len(problems) == 3


@pytest.mark.parametrize("text", ["", "s,,x", "ctrl+", "ctrl+ctrl+s", "hello", "ctrl+i", "up", "ctrl+c", "+s"])
def test_what_is_no_key_is_refused(text):
    given, problems = check({"start": text})
    assert given == {}
    assert problems


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("/", "slash"),
        ("+", "plus"),
        ("shift+a", "A"),
        ("ctrl+S", "ctrl+s"),
        ("shift+ctrl+left", "ctrl+shift+left"),
        ("ü", "ü"),
    ],
)
def test_a_key_may_be_written_as_its_character(text, name):
    assert normal_key(text) == name


@pytest.mark.parametrize("value", [3, ["s"], {"key": "s"}, True])
def test_a_key_is_a_text(value):
    assert "must be a text" in check({"start": value})[1][0].message


def test_keys_that_are_no_table_are_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="keys"):
        settings(tmp_path, 'keys = "vim"\n')


def test_a_field_of_the_form_takes_every_letter():
    assert check({"plan": "p"})[1]
    assert not check({"plan": "f9"})[1]


def test_the_sample_names_every_key_and_can_be_used_as_it_stands(tmp_path):
    text = sample()
    for setting in KEY_SETTINGS:
        assert f'# {setting.id} = "{setting.keys}"' in text
    keys = text[text.index("# [keys]") :]
    used = "\n".join(line.removeprefix("# ") for line in keys.splitlines() if not line.startswith("#   "))
    assert set(settings(tmp_path, used).keys) == set(BY_ID)
