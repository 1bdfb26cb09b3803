"""What is wrong with a cluster, one file for each kind of thing: each finding becomes a condition."""
