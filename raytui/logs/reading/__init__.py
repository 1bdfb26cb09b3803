"""The lines of one log, whatever its size: read by ranges, forwards, backwards and around a place."""
