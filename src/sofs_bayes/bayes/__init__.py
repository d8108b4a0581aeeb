"""Models: the posterior from print, and the hierarchical DiD in PyMC."""
