"""Values and rules: no input or output, no asyncio, so that every decision can be tested as a plain function."""
