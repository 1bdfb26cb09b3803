"""Moving in logs: the lines around a place, pages above and below it, and what a screen holds of them."""
