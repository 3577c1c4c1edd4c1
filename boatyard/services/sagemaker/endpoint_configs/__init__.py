"""Endpoint configurations: which models an endpoint serves, on how many containers, with which weights."""
