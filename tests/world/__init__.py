"""A simulated workbench, project folder and Ray in virtual time, in which everything that may go wrong does.

The platform, the lifecycle, the files, the monitor, the manager, the executor and the judgement run unchanged above it;
only what lies outside them is simulated: the transport of API v2, the clock, and what answers as Ray's dashboard. One
seed is one life of one cluster.
"""
