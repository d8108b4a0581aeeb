"""Printed tables → outcomes and authorities' covariates on which they come out."""
