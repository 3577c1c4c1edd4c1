"""HTTP in, operation out: the request path from a socket to an operation and back."""
