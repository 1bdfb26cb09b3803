"""Which logs there are and where their bytes come from."""
