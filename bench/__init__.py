"""Measurements: run by `make bench` on a machine that has nothing else to do."""
