"""The folder of a project, mounted or through the API: launchers, reports, logs, tokens and records of its clusters."""
