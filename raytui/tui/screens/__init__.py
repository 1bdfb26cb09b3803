"""Screens that stand over the panes: confirmation, sources, help, leaving."""
