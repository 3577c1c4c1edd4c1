"""Lifecycle policies: their rules, which images those expire, and their removal."""
