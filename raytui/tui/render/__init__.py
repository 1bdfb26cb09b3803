"""Drawing as pure functions from core values to lines of text with roles, testable without a screen."""
