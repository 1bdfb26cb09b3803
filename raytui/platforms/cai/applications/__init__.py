"""The applications of a project: how they are listed, made, stopped, started again and deleted, with the list as the only witness."""
