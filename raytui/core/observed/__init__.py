"""What was seen of applications and nodes beside the snapshot itself, and how one round's readings are joined."""
