"""`validate`, `render`, `config` and `completion`: what can be said without touching a platform."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from raytui.cli.invocation import Invocation, working_directory
from raytui.cli.root import root
from raytui.cli.sizes import size_flags, spec_options
from raytui.cli.verb import VerbGroup, pass_invocation, verb
from raytui.config import paths
from raytui.config.fields import FIELDS, group_fields
from raytui.config.files import locate
from raytui.config.paths import user_config
from raytui.config.sample import sample
from raytui.core.desired.asked import value_of
from raytui.core.desired.launchers import NODE_FOLDER, mode_of
from raytui.core.desired.required import with_launchers
from raytui.core.desired.validate import validate as problems_of
from raytui.core.errors import ConfigurationError, NotFound, OperationFailed
from raytui.core.platforms import traits
from raytui.core.report import SCHEMA_VERSION, advised, list_document
from raytui.manager.launchers import render as rendered
from raytui.manager.launchers import write

if TYPE_CHECKING:
    from raytui.config.settings import Settings

SHELLS = ("bash", "zsh", "fish")


@verb(
    "validate",
    short_help="Check the configuration without touching a platform.",
    examples="raytui validate\nraytui validate --workers 4 -o json",
)
@spec_options
@pass_invocation
def validate(invocation: Invocation, /, **sizes: object) -> int:
    """Every problem of the configuration and the flags in one run; exit 2 when there are any."""
    try:
        settings = invocation.settings(size_flags(sizes))
        problems = tuple(problems_of(with_launchers(settings.cluster, settings.platform), settings.platform))
    except ConfigurationError as error:
        if not error.problems:
            raise
        problems = error.problems
    if invocation.output.json:
        rows = [advised(problem) for problem in problems]
        invocation.output.document({"schema_version": SCHEMA_VERSION, "valid": not problems, "problems": rows})
    elif problems:
        invocation.diagnostics.error(ConfigurationError.from_problems(problems))
    else:
        invocation.output.lines([f"{settings.cluster.name} ({settings.profile_name}) is valid"])
    return ConfigurationError.exit_code if problems else 0


@verb(
    "render",
    short_help="Print or write the launcher scripts.",
    examples="raytui render --to launchers\nraytui render head > ray_head_launcher.py",
)
@click.argument("which", metavar="[head|worker]", required=False)
@click.option("--to", "folder", metavar="DIR", help="Write them there, with the folder raytui_node that they run.")
@pass_invocation
def render(invocation: Invocation, /, *, which: str | None, folder: str | None) -> int:
    """The scripts that the applications run, byte for byte what `start` writes; by hand they run as `python FILE`.

    Each runs the folder raytui_node beside it, whose files are named after the scripts; --to writes all of it.
    """
    try:
        files = {name: data for name, data in rendered().items() if "/" in name or which in {None, name, _role(name)}}
    except FileNotFoundError as error:
        raise OperationFailed(str(error), hint="pip install --force-reinstall raytui", reason="Incomplete") from error
    scripts = [name for name in files if "/" not in name]
    if not scripts:
        raise NotFound(f"there is no launcher {which}", hint="head and worker are the two")
    if folder == "":
        # An unset variable in a script must not fill the folder that it happens to stand in.
        raise ConfigurationError("--to names no folder", hint="--to . is the one you are in", reason="Usage")
    if folder is not None:
        try:
            written = write(Path(folder), scripts)
        except OSError as error:
            raise OperationFailed(
                f"{folder} cannot be written: {error.strerror}",
                hint="name another folder with --to",
                reason="Unwritable",
            ) from error
        if invocation.output.json:
            rows = [
                {"name": name, "path": str(path), "mode": f"{mode_of(name):04o}"}
                for name, path in zip(files, written, strict=True)
            ]
            invocation.output.document(list_document(rows))
        else:
            invocation.output.lines([str(path) for path in written])
    elif invocation.output.json:
        rows = [
            {"name": name, "mode": f"{mode_of(name):04o}", "content": data.decode()} for name, data in files.items()
        ]
        invocation.output.document(list_document(rows))
    else:
        _print(
            invocation,
            {name: files[name].decode() for name in scripts},
            [name for name in files if name not in scripts],
        )
    return 0


def _print(invocation: Invocation, scripts: dict[str, str], modules: list[str]) -> None:
    if len(scripts) == 1:
        # One script is printed as it is, so that it can be sent to a file.
        invocation.output.verbatim("".join(scripts.values()))
        invocation.diagnostics.warning(
            f"it runs the folder {NODE_FOLDER} beside it: raytui render --to DIR writes both"
        )
        return
    invocation.output.verbatim("".join(f"# --- {name} ---\n{text}" for name, text in scripts.items()))
    note = "# --- the folder that they run: raytui render --to DIR writes all of it ---"
    invocation.output.lines([note, *(f"# {name}" for name in modules)])


def _role(name: str) -> str:
    return name.removeprefix("ray_").removesuffix("_launcher.py")


config = VerbGroup(
    "config",
    help="Show, locate or create the configuration.",
    short_help="Show, locate or create the configuration.",
    # click would put its whole help into the error.
    no_args_is_help=False,
)


@config.command("show")
@click.option("--origin", is_flag=True, help="Say where each value came from.")
@pass_invocation
def show(invocation: Invocation, /, *, origin: bool) -> int:
    """The effective settings, of the keys those that a file sets; secrets are never printed."""
    settings = invocation.settings()
    rows: list[tuple[str, object, str]] = [
        ("profile", settings.profile_name, settings.origins.get("profile", "default"))
    ]
    rows.append(("state_dir", str(settings.state_dir), settings.origins.get("state_dir", "default")))
    if traits(settings.platform).is_workbench:
        rows.append(("api_key", "***" if settings.api_key else None, settings.origins.get("api_key", "not set")))
    groups = (field for group in settings.cluster.groups for field in group_fields(group))
    fields = [field.path for field in (*FIELDS, *groups) if field.path != "api_key_file"]
    rows += [(name, _effective(settings, name), settings.origins.get(name, "default")) for name in fields]
    rows += [(f"keys.{name}", keys, settings.origins[f"keys.{name}"]) for name, keys in settings.keys.items()]
    if invocation.output.json:
        items = [
            {"field": name, "value": value, **({"origin": where} if origin else {})} for name, value, where in rows
        ]
        invocation.output.document(list_document(items))
    else:
        shown = [(name, _text(value), where) if origin else (name, _text(value)) for name, value, where in rows]
        invocation.output.table(("FIELD", "VALUE", "ORIGIN") if origin else ("FIELD", "VALUE"), shown)
    return 0


def _effective(settings: Settings, path: str) -> object:
    # A size that was left out is the platform's, and that is what a start uses.
    if path.startswith("cluster."):
        return value_of(settings.cluster.resolved(settings.platform), path.removeprefix("cluster."))
    found: object = getattr(settings, path, None)
    return str(found) if isinstance(found, Path) else found


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


@config.command("path")
@pass_invocation
def path(invocation: Invocation, /) -> int:
    """The configuration file that is read, or where one would be looked for last; it need not be valid."""
    named, source = _named(invocation)
    located = locate(named, source, os.environ, working_directory())
    found = located or user_config(os.environ)
    if invocation.output.json:
        invocation.output.document(
            {"schema_version": SCHEMA_VERSION, "path": str(found), "exists": located is not None}
        )
    else:
        invocation.output.lines([str(found)])
        if located is None:
            invocation.diagnostics.warning("it does not exist; raytui config init writes it")
    return 0


def _named(invocation: Invocation) -> tuple[str, str]:
    """The file that was named, empty when none was, and what named it."""
    return (
        (invocation.config, "--config") if invocation.config else (os.environ.get("RAYTUI_CONFIG", ""), "RAYTUI_CONFIG")
    )


@config.command("init")
@pass_invocation
def init(invocation: Invocation, /) -> int:
    """Write a commented configuration file, to --config FILE or RAYTUI_CONFIG, else to the user's own place.

    Never over another.
    """
    named, _ = _named(invocation)
    target = paths.expand(named, os.environ, working_directory()) if named else paths.user_config(os.environ)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("x", encoding="utf-8") as file:
            _fill(file, target, sample())
    except FileExistsError:
        raise OperationFailed(
            f"{target} exists and was left as it is", hint="name another file with --config", reason="Exists"
        ) from None
    except OSError as error:
        raise OperationFailed(
            f"{target} cannot be written: {error.strerror}", hint="name another file with --config", reason="Unwritable"
        ) from error
    if invocation.output.json:
        invocation.output.document({"schema_version": SCHEMA_VERSION, "path": str(target), "changed": True})
    else:
        invocation.output.lines([str(target)])
    return 0


def _fill(file: TextIO, target: Path, text: str) -> None:
    """Write a new file whole, or leave none: half a file would be refused as existing by the next call."""
    try:
        file.write(text)
        file.flush()
    except OSError:
        target.unlink(missing_ok=True)
        raise


@verb(
    "completion",
    short_help="Print the completion script of a shell.",
    examples="raytui completion bash >> ~/.bashrc\nraytui completion fish > ~/.config/fish/completions/raytui.fish",
)
@click.argument("shell", metavar="bash|zsh|fish", type=click.Choice(SHELLS), required=False)
@pass_invocation
def completion(invocation: Invocation, /, *, shell: str | None) -> int:
    """The script that teaches a shell the verbs and flags."""
    from click.shell_completion import get_completion_class

    if shell is None:
        raise ConfigurationError(
            "raytui completion: no shell is named", hint=f"one of {', '.join(SHELLS)}", reason="Usage"
        )
    maker = get_completion_class(shell)
    assert maker is not None
    invocation.output.verbatim(maker(root(), {}, "raytui", "_RAYTUI_COMPLETE").source() + "\n")
    return 0
