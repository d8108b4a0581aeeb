"""What draws, weights and grids have to reach before they count as a result."""

# The gate: rank-normalised split R-hat, bulk and tail effective sample size (Vehtari et al. 2021),
# and the energy fraction of missing information (Betancourt 2016).
MAX_RHAT = 1.01
MIN_ESS = 400.0
MIN_BFMI = 0.3
# Pareto's k of importance weights, above which they are not to be relied on (Vehtari et al. 2024).
MAX_K = 0.7
# Posterior mass in the outermost cells of a quadrature's grid.
MAX_EDGE_MASS = 1e-4
