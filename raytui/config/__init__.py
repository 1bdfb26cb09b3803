"""Settings and paths: where every value that raytui uses comes from."""
