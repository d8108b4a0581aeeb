"""Pages of results: the report, calibration, recovery, replication; as HTML and Word."""
