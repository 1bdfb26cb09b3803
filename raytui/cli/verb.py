"""What every verb shares: global options before or after it, negative numbers as arguments, examples under its help."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import click

from raytui.cli.flags import GLOBAL
from raytui.cli.invocation import Invocation
from raytui.cli.output import printing_help
from raytui.core.errors import ConfigurationError

_NEGATIVE = re.compile(r"-\d[\d.]*")
GLOBAL_NOTE = (
    "Global options (before or after the verb): -p -o -v --config --project --cluster --address --read-only --notify "
    "--bell --color; raytui --help explains them."
)
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


def _remember(name: str) -> Callable[[click.Context, click.Parameter, object], None]:
    def callback(context: click.Context, _parameter: click.Parameter, value: object) -> None:
        # Given in both places, the one after the verb counts: it is parsed last.
        invocation = context.find_object(Invocation)
        # An empty address is no address, and must not lead to a look at something else.
        if value not in {None, 0} and invocation is not None:
            setattr(invocation, name, getattr(invocation, name) + value if name == "verbosity" else value)

    return callback


def global_options(*, hidden: bool = False) -> list[click.Parameter]:
    """Fresh options that belong to every verb; each writes its value into the `Invocation`."""
    return [
        click.Option(
            [*flag.names, f"global_{flag.field}"],
            expose_value=False,
            hidden=hidden,
            callback=_remember(flag.field),
            metavar=flag.metavar or None,
            type=click.Choice(flag.choices) if flag.choices else None,
            help=flag.help,
            **({"is_flag": True, "flag_value": "true", "default": None} if flag.switch else {"count": flag.counts}),
        )
        for flag in GLOBAL
    ]


class Verb(click.Command):
    """A verb that takes the global options too."""

    # Any: the arguments of click's own class, which are handed on.
    def __init__(self, *args: Any, examples: str = "", **kwargs: Any) -> None:
        epilog = (f"Examples:\n\n\b\n{examples.strip()}\n\n" if examples else "") + GLOBAL_NOTE
        super().__init__(*args, **{**kwargs, "context_settings": CONTEXT, "epilog": epilog})
        own = {name for parameter in self.params for name in parameter.opts}
        for option in global_options(hidden=True):
            # A letter that the verb itself uses, as `logs -v` for grep's, is left to it; the long name stays.
            option.opts = [name for name in option.opts if name not in own]
            self.params.append(option)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """`scale -1` is a number that is refused with its reason, not an option that does not exist."""
        if any(isinstance(parameter, click.Argument) for parameter in self.params) and "--" not in args:
            takes_value = {
                name
                for option in self.params
                if isinstance(option, click.Option) and not option.is_flag
                for name in option.opts
            }
            is_argument = [
                _NEGATIVE.fullmatch(arg) is not None and (n == 0 or args[n - 1] not in takes_value)
                for n, arg in enumerate(args)
            ]
            numbers = [arg for arg, moved in zip(args, is_argument, strict=True) if moved]
            if numbers:
                args = [arg for arg, moved in zip(args, is_argument, strict=True) if not moved] + ["--", *numbers]
        with printing_help():
            return super().parse_args(ctx, args)


class VerbGroup(click.Group):
    """A verb with verbs below it, such as `config show`."""

    command_class = Verb

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # as above
        super().__init__(*args, context_settings=CONTEXT, epilog=GLOBAL_NOTE, **kwargs)
        self.params += global_options(hidden=True)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click's own, which prints help here."""
        with printing_help():
            return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb, or one sentence with the nearest."""
        if not ctx.resilient_parsing and self.get_command(ctx, args[0]) is None:
            raise unknown_verb(ctx.command_path, args[0], self.list_commands(ctx))
        return super().resolve_command(ctx, args)


def verb(
    name: str, *, short_help: str, examples: str = "", about: str | None = None
) -> Callable[[Callable[..., int | None]], Verb]:
    """Decorator: a function as a verb; its help is `about`, else the function's docstring."""
    return click.command(name, cls=Verb, short_help=short_help, examples=examples, help=about)


def unknown_verb(path: str, given: str, known: list[str]) -> Exception:
    """The error for a verb that does not exist."""
    from difflib import get_close_matches

    near = get_close_matches(given, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}? " if near else ""
    return ConfigurationError(
        f"{path} has no verb {given}", hint=f"{hint}{path} --help lists them", reason="UnknownVerb"
    )


pass_invocation = click.make_pass_decorator(Invocation)
