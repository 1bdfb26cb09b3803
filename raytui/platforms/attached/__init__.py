"""Any Ray cluster behind a dashboard address, whoever made it: watched, never changed."""

from raytui.platforms.attached.nodes import applications_of
from raytui.platforms.attached.platform import AttachedPlatform

__all__ = ["AttachedPlatform", "applications_of"]
