"""The commented configuration file that `raytui config init` writes: every setting with its meaning, out of the table of fields."""

from __future__ import annotations

from raytui.config.fields import FIELDS, Field
from raytui.core.remedy import Remedy, as_command

_HEAD = f"""\
# Configuration of raytui. Every line that begins with "# " before a name is a setting at a sample value:
# take the "# " away to use it. Flags and RAYTUI_ variables override what stands here ({as_command(Remedy("config", "show --origin"))}).
default_profile = "local"
"""
_CAI = ("host", "project_id", "api_key_file", "client", "domain", "ca_bundle")
_IMAGES = ("runtime_identifier", "script")


def sample() -> str:
    """The text of a file with a local profile that works as it stands, and a commented one for Cloudera AI."""
    local = [field for field in FIELDS if field.path not in _CAI and not field.path.endswith(_IMAGES)]
    cai = [field for field in FIELDS if field.path != "venv"]
    return "\n".join([_HEAD, *_profile("local", local, commented=False), "", *_profile("prod", cai, commented=True)]) + "\n"


def _profile(name: str, fields: list[Field], *, commented: bool) -> list[str]:
    lines: list[str] = []
    table = None
    for field in fields:
        parent, _, key = field.path.rpartition(".")
        if parent != table:
            table = parent
            title = f"[profiles.{name}{'.' + parent if parent else ''}]"
            lines += ["", f"# {title}" if commented else title] if lines else [f"# {title}" if commented else title]
        value = '"cai"' if commented and field.path == "platform" else field.sample
        lines += [f"#   {field.meaning}", f"# {key} = {value}"]
    return lines
