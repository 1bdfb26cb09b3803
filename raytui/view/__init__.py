"""How a cluster reads, once for both front ends: words and marks, the joined picture, remedies, tables.

Pure: no textual, no click.
"""
