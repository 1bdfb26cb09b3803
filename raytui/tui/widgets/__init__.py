"""Widgets on the Line API: they hold lines and repaint only those that changed."""
