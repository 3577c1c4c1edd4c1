"""Lambda functions: their code and configuration, versions, aliases, permissions and tags."""
