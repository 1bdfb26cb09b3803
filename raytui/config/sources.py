"""Where the value of a setting comes from: a flag, a variable, the profile, else nowhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from raytui.config.fields import BOTH_RUNTIMES, Field, Value
from raytui.config.files import ConfigFile
from raytui.config.values import from_text
from raytui.core.errors import Problem
from raytui.core.platforms import PlatformName


class Sources:
    """All sources of one run, read field by field; values, origins and problems gather by the fields' paths."""

    def __init__(self, flags: Mapping[str, object], environ: Mapping[str, str], file: ConfigFile | None) -> None:
        self._flags = flags
        self._environ = environ
        self._file = file
        self.values: dict[str, Value] = {}
        self.origins: dict[str, str] = {}
        self.problems: list[Problem] = list(file.problems) if file else []
        self.profile = ""
        """Name of the profile that counts."""
        self.platform: PlatformName = "local"
        """The platform whose own variables count."""

    def of_profile(self) -> Mapping[str, Value]:
        """What the profile says."""
        return self._file.profiles.get(self.profile, {}) if self._file else {}

    def read(self, field: Field) -> None:
        """Take the value of the strongest source that has one."""
        for given, origin in self._given(field):
            try:
                value = from_text(field, given) if isinstance(given, str) else cast("Value", given)
            except ValueError as error:
                what = origin.removeprefix("flag ")
                self.problems.append(Problem(field.spec_field, f"{what}: {error}", f"give {what} {field.wanted}"))
                return
            self.values[field.path], self.origins[field.path] = value, origin
            return
        said = self.of_profile()
        if field.path in said and self._file:
            self.values[field.path] = said[field.path]
            self.origins[field.path] = f"profile {self.profile} ({self._file.path})"
        else:
            self.origins[field.path] = "default"

    def _given(self, field: Field) -> Iterator[tuple[object, str]]:
        """What flags and variables say of a field, the strongest first."""
        is_image = field.path.endswith(".runtime_identifier")
        for one in (field, BOTH_RUNTIMES) if is_image else (field,):
            given = self._flags.get(one.path)
            if given is not None:
                yield given, f"flag {one.flag or one.path}"
        for one in (field, BOTH_RUNTIMES) if is_image else (field,):
            if self._environ.get(one.variable, "").strip():
                yield self._environ[one.variable], one.variable
        if self.platform == "cai":
            for name in field.variables:
                if self._environ.get(name, "").strip():
                    yield self._environ[name], name
