"""Endpoints: models served by containers that are kept running, and the routes to them."""
