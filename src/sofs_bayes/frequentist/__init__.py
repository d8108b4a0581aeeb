"""The published regressions: terms, fits, assumption tests, decision rules, replication."""
