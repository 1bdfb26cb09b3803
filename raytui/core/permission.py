"""Whether a verb may change anything: asked before the first request, by both front ends and by the library alike."""

from __future__ import annotations

from raytui.core.errors import RefusedForSafety
from raytui.core.platforms import PlatformName, traits


def require_changeable(verb: str, platform: PlatformName, *, read_only: bool) -> None:
    """Raise `RefusedForSafety` where the verb would change nodes and nothing may be changed."""
    if traits(platform).is_watched:
        raise RefusedForSafety(
            f"{verb} was refused: raytui only watches this cluster, and whoever made it changes its nodes",
            hint="change it with what made it, such as kubectl or ray up; without --address raytui makes clusters "
            "of its own",
            reason="OnlyWatched",
        )
    require_allowed(verb, read_only=read_only)


def require_allowed(verb: str, *, read_only: bool) -> None:
    """Raise `RefusedForSafety` where somebody said that nothing may be changed."""
    if read_only:
        raise RefusedForSafety(
            f"{verb} was refused: the profile is read-only",
            hint="leave --read-only out, or set read_only = false in the profile, or choose another with --profile",
        )
