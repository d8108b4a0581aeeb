"""What the report prints, and its audit."""
