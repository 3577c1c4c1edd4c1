"""Training jobs: the container contract of "bring your own algorithm", run to its end."""
