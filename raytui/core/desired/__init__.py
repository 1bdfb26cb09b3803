"""What is asked for beside the spec itself: what was asked before, what must be said, and whether it can be."""
