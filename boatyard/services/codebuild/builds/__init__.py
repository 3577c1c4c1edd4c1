"""Builds: what is asked for, where it runs, and what becomes of it."""
