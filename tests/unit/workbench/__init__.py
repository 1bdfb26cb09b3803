"""The test workbench behaves as badly as its switches say."""
