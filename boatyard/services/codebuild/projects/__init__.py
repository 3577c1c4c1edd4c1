"""Build projects."""
