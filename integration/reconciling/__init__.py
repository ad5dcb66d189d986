"""A service's own history beside our sessions, and what is done about the difference."""
