"""Notebook instances: JupyterLab in a container, with its repositories, lifecycle scripts and role."""
