"""One mechanism for start, scale, restart and stop, and the watch over what exists; it knows Protocols only."""
