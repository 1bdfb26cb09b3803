"""Every log of a cluster, for both front ends.

Which there are, and their lines with source, time and level: read in ranges, searched, merged by time and followed.
"""
