"""The commented configuration file that `raytui config init` writes: every setting with its meaning, out of the table of fields."""

from __future__ import annotations

from raytui.config.fields import FIELDS, Field
from raytui.core.remedy import Remedy, as_command

_HEAD = f"""\
# Configuration of raytui. Every line that begins with "# " before a name is a setting at a sample value:
# take the "# " away to use it. Flags and RAYTUI_ variables override what stands here ({as_command(Remedy("config", "show --origin"))}).
default_profile = "local"
"""
_ATTACHED = ("platform", "address", "ca_bundle", "refresh")
_CAI = ("host", "project_id", "api_key_file", "client", "domain", "ca_bundle")
_IMAGES = ("runtime_identifier", "script")


def sample() -> str:
    """The text of a file with a local profile that works as it stands, and commented ones for Cloudera AI and for any other Ray."""
    local = [field for field in FIELDS if field.path not in {*_CAI, "address"} and not field.path.endswith(_IMAGES)]
    cai = [field for field in FIELDS if field.path not in {"venv", "address"}]
    attached = [field for field in FIELDS if field.path in _ATTACHED]
    profiles = [_profile("local", local), _profile("prod", cai, "cai"), _profile("kuberay", attached, "attached")]
    return "\n".join([_HEAD, *(line for profile in profiles for line in (*profile, ""))])


def _profile(name: str, fields: list[Field], platform: str = "") -> list[str]:
    """One profile; of another platform than this machine it is commented out."""
    lines: list[str] = []
    table = None
    for field in fields:
        parent, _, key = field.path.rpartition(".")
        if parent != table:
            table = parent
            title = f"[profiles.{name}{'.' + parent if parent else ''}]"
            lines += ["", f"# {title}" if platform else title] if lines else [f"# {title}" if platform else title]
        value = f'"{platform}"' if platform and field.path == "platform" else field.sample
        lines += [f"#   {field.meaning}", f"# {key} = {value}"]
    return lines
