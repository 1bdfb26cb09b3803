"""What a machine gives, once for everybody who needs it; knows nothing of platforms or of Ray."""
