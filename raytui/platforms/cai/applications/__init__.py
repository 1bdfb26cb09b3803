"""The applications of a project: listed, made, stopped, started again and deleted.

Only the list proves how they are.
"""
