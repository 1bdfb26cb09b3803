"""Operations console and command line for Ray clusters on Cloudera AI or on this machine."""

__version__ = "0.1.0"
