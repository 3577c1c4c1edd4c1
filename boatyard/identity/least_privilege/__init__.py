"""Least privilege: what a role is granted held against what it used, and the smallest policy for that."""
