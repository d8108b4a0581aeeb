"""Results on disk: whole or not at all, never in place of something else, each with its hash."""
