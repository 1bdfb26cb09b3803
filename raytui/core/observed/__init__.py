"""What was seen: the snapshot of one round with its applications and nodes, and how a round's readings are joined."""
