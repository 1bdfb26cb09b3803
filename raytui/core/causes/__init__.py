"""Why something died: what each witness said, the conclusion on which they agree, and what to do about it."""
