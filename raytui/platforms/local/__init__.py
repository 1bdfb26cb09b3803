"""Applications as processes of this machine: they outlive the console, and are found again by pid and start time."""

from raytui.platforms.local.platform import LocalPlatform

__all__ = ["LocalPlatform"]
