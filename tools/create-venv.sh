#!/bin/sh
# Makes the virtual environment .venv with the first Python of 3.11 or newer, installing what a bare machine lacks.
set -eu
cd "$(dirname "$0")/.."
if [ -x .venv/bin/python ] && .venv/bin/python -c 'import pip' 2>/dev/null; then exit 0; fi
find_python() {
    for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11; do
        [ -n "$candidate" ] || continue
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return 0
        fi
    done
    return 1
}
python=$(find_python) || {
    echo "boatyard needs Python 3.11 or newer. Install it (on Debian 12 or Ubuntu 24.04: apt-get install python3), or" >&2
    echo "name one: PYTHON=/path/to/python3.12 make demo" >&2
    exit 1
}
echo "==> Making .venv with $($python --version)"
rm -rf .venv
if ! "$python" -m venv .venv 2>/dev/null; then
    rm -rf .venv
    echo "==> Python's venv module is missing: installing python3-venv"
    as_root=""
    [ "$(id -u)" = 0 ] || as_root=sudo
    $as_root apt-get update -qq
    $as_root apt-get install -y -qq python3-venv
    "$python" -m venv .venv
fi
