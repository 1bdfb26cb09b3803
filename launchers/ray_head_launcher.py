#!/usr/bin/env python3
"""Starts the head of a Ray cluster and stays with it until it ends.

Runs with the standard library of Python 3.8 or newer; Ray lives in the virtual environment that RAYTUI_VENV names (default ~/.venv).
Everything it does can be set through the environment: see the names in read_settings().
"""

from ray_node import run

run("head", globals())
