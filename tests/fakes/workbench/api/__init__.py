"""The operations of API v2, one module for each kind of thing."""

from . import applications, capacity, files, jobs, others, projects, site, usage

__all__ = ["applications", "capacity", "files", "jobs", "others", "projects", "site", "usage"]
