"""API v2 of a workbench: two transports, what their answers mean, and one client with deadlines, retries and creates made exactly once."""
