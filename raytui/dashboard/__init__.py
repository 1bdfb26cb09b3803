"""Ray as its dashboard port tells it: the client, the payloads and the log streams."""
