#!/usr/bin/env bash
# Make .venv in the checkout and install capq with the given extras: deploy/install.sh all
# On a machine without Python's venv module, installs Debian's packages for it first.
set -euo pipefail
cd "$(dirname "$0")/.."
extras=${1:-all}

as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi; }

python=${PYTHON:-python3}
if ! "$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  command -v apt-get >/dev/null || { echo "capq needs Python 3.11 or newer with venv: install it, or name it in PYTHON" >&2; exit 1; }
  as_root apt-get update -q
  as_root apt-get install -y -q python3 python3-venv
fi
[ -x .venv/bin/python ] || "$python" -m venv .venv
# constraints.txt pins what CI runs with; the ranges in pyproject.toml stay open.
.venv/bin/python -m pip install --quiet --constraint constraints.txt --editable ".[$extras]"
