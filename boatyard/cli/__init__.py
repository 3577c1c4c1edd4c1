"""The `boatyard` command, one file a sub-command."""
