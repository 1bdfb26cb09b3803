"""What a workbench offers and demands.

Runtime images, GPUs, quotas, reasons of failures, and the rows of `doctor` made of them.
"""
