"""Panes of the main screen: each binds to one core value and draws it."""
