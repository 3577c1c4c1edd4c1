"""May they: principals, credentials, sessions, policy documents and their evaluation."""
