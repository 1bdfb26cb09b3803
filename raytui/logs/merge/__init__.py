"""Lines of many logs as one, by time, with a sentence where something is missing between them."""
