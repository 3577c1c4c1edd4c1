"""ECR: the repository API and an OCI distribution registry."""
