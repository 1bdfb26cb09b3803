"""Cloudera AI: head and workers as applications of a project, over API v2."""

from __future__ import annotations

from raytui.platforms.cai.platform import CaiPlatform

__all__ = ["CaiPlatform"]
