"""The console: shows snapshots and events, asks for plans, and changes nothing by itself."""
