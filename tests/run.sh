#!/usr/bin/env bash
# Install capq with what its tests need, and run them: tests/run.sh [PYTEST ARGUMENTS]
set -euo pipefail
cd "$(dirname "$0")/.."
fonts=/usr/share/fonts/truetype
if ! [ -e "$fonts/dejavu/DejaVuSans.ttf" ] || ! [ -e "$fonts/liberation/LiberationSans-Regular.ttf" ]; then
  as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi; }
  as_root apt-get update -q
  as_root apt-get install -y -q fonts-dejavu-core fonts-liberation
fi
deploy/install.sh dev
exec .venv/bin/python -m pytest "$@"
