"""How fast is it, compared with what else one might do? `python -m tests.benchmarks`."""
