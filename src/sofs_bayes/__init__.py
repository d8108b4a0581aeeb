"""Bayesian re-analysis of the Signs of Safety evaluation."""
