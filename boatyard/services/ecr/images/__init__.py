"""Images: manifests, their tags, and what they refer to."""
