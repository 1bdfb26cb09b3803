"""What ends with a plan, found and said before anything happens."""
