"""Models: an image, the artifacts it serves, and the role it does so with."""
