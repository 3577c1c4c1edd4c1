"""AWS's names for git's file modes."""

GIT_MODES: dict[str, str] = {"NORMAL": "100644", "EXECUTABLE": "100755", "SYMLINK": "120000"}
AWS_MODES: dict[str, str] = {mode: name for name, mode in GIT_MODES.items()} | {"100664": "NORMAL"}
SUBMODULE = "160000"
