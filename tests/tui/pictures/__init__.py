"""The pictures and the cast of the README: drawn by the console itself from what a real cluster once answered.

`python -m tests.tui.pictures` draws them; `tests/tui/test_pictures.py` fails as soon as the console draws something else.
"""
