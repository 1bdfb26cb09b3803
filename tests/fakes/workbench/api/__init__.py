"""The operations of API v2, one module for each kind of thing."""

from . import applications, files, jobs, projects, site

__all__ = ["applications", "files", "jobs", "projects", "site"]
