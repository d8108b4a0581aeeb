"""Can a result be trusted: convergence, prediction, sensitivity, calibration."""
