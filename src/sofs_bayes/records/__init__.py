"""Counts and records as they come in."""
