"""A person's links to services: made, checked, tried, changed and ended, with their secrets sealed."""
