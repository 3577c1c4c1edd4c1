"""Layers and configurations: uploads in pieces, storage by content, and what of it is still needed."""
