"""The demonstration: the blueprint's algorithm from a commit to production, by the clients that anybody would use."""
