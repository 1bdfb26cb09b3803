"""What the manager knows of the world: Protocols only, so that platforms and dashboards can be swapped and tested."""
