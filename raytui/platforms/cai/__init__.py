"""Ray clusters as Cloudera AI applications."""
