"""Joins what was planned with what was reported: people, facts, streaks, storage and the Flask app."""
