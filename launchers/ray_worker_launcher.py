#!/usr/bin/env python3
"""Starts a worker of a Ray cluster: waits for the head, joins it, and stays with it until it ends.

Runs with the standard library of Python 3.8 or newer; Ray lives in the virtual environment that RAYTUI_VENV names (default ~/.venv).
Everything it does can be set through the environment: see the names in read_settings().
"""

from ray_node import run

run("worker", globals())
