"""A finished fit and its folder: rows, checks, hashes, draws."""
