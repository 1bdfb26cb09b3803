"""Which lines match: in one log, and in those that come from another machine while they come."""
