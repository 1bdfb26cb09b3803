"""API v2 of a workbench: two transports, what answers mean, and one client with deadlines, retries, exact creates."""
