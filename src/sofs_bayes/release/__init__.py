"""What of results may leave a secure setting: rules, what they change, and a log of it."""
