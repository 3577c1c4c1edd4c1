"""Deployment: resources created, updated, rolled back and deleted in order, each step on record."""
