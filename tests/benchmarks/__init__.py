"""Speed and cost against a peer in the same run, printed as ratios: `python -m tests.benchmarks.NAME` from a pip-installed venv.

Never collected by pytest and never asserted: a busy machine must not fail a build. Measure in a virtual environment
that pip installed (and so compiled), for example `.venv` after the README's first line.
"""
