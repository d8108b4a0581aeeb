"""Populations of made-up children: solved to reproduce the printed tables, or drawn."""
