"""Where applications run, behind one Protocol: processes on this machine, or Cloudera AI."""
