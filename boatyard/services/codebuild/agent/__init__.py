"""What runs inside a build's container; only the standard library is to be had there."""
