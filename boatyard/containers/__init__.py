"""The container engine: capabilities, images, networks, run to end, keep running, logs and limits."""
