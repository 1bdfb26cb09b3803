"""The commented configuration file that `raytui config init` writes.

Every setting stands there with its meaning, out of the table of fields.
"""

from __future__ import annotations

from raytui.config.fields import FIELDS, GROUPS, Field, group_fields
from raytui.config.keys import KEY_SETTINGS
from raytui.core.platforms import PlatformName
from raytui.core.remedy import Remedy, as_command

_HEAD = f"""\
# Configuration of raytui. Every line that begins with "# " before a name is a setting at a sample value:
# take the "# " away to use it. Flags and RAYTUI_ variables override what stands here
# ({as_command(Remedy("config", "show --origin"))}).
default_profile = "local"
"""
_GROUP = "large"
"""Name of the group that stands for all of them."""


def sample() -> str:
    """The text of a file with a working local profile, and commented ones for Cloudera AI and any other Ray."""
    profiles = (_profile("local", "local"), _profile("prod", "cai"), _profile("kuberay", "attached"))
    return "\n".join([_HEAD, *(line for lines in (*profiles, _keys()) for line in (*lines, ""))])


def _profile(name: str, platform: PlatformName) -> list[str]:
    """One profile; of another platform than this machine it is commented out."""
    lines: list[str] = []
    lead = "" if platform == "local" else "# "
    table = None
    for field in FIELDS:
        if not field.is_of(platform):
            continue
        parent = field.path.rpartition(".")[0]
        if parent != table:
            table = parent
            title = f"{lead}[profiles.{name}{'.' + parent if parent else ''}]"
            lines += ["", title] if lines else [title]
        lines += _setting(field, f'"{platform}"' if field.path == "platform" else field.sample)
    return [*lines, *_group(name, platform)]


def _group(profile: str, platform: PlatformName) -> list[str]:
    """A further group of workers, commented out whole: a table without a line would be a group already."""
    fields = [field for field in group_fields(_GROUP) if field.is_of(platform)]
    if not fields:
        return []
    lines = ["", "#   Further kinds of workers: a table for each group, by a name of your own."]
    lines.append(f"# [profiles.{profile}.{GROUPS}.{_GROUP}]")
    return [*lines, *(line for field in fields for line in _setting(field, field.sample))]


def _setting(field: Field, value: str) -> list[str]:
    return [f"#   {field.meaning}", f"# {field.path.rpartition('.')[2]} = {value}"]


def _keys() -> list[str]:
    lines = ["# Keys of the console, several of one separated by commas.", "# [keys]"]
    for setting in KEY_SETTINGS:
        lines += [f"#   {setting.meaning}.", f'# {setting.id} = "{setting.keys}"']
    return lines
