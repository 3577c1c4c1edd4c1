"""Where things are kept: the SQLite database, its migrations and tables, and blobs on disk."""
