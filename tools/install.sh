#!/bin/sh
# Installs boatyard into .venv: `install.sh` what it runs on, `install.sh development` also what it is tested with.
# The versions are those of the lock files, so that everybody runs what CI ran.
set -eu
cd "$(dirname "$0")/.."
lock=requirements.lock
[ "${1:-}" = development ] && lock=requirements-development.lock
echo "==> Installing boatyard and what it needs (from $lock)"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement "$lock"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
