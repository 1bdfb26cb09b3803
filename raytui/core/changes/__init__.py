"""What changed from one observation to the next: of a cluster, of its platform's restarts, of its verdict."""
