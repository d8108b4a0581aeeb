"""One table object, its formats, and the tables of runs (`contents`)."""
