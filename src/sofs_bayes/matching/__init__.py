"""Which authorities the pilots are compared with."""
