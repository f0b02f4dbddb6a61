#!/usr/bin/env bash
# Install capq with what its tests need, run them, and print how much they covered:
# tests/run.sh [PYTEST ARGUMENTS]
set -euo pipefail
cd "$(dirname "$0")/.."
fonts=/usr/share/fonts/truetype
as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi; }
if ! [ -e "$fonts/dejavu/DejaVuSans.ttf" ] || ! [ -e "$fonts/liberation/LiberationSans-Regular.ttf" ]; then
  as_root apt-get update -q
  as_root apt-get install -y -q fonts-dejavu-core fonts-liberation
fi
if ! command -v promtool >/dev/null; then
  as_root apt-get update -q && as_root apt-get install -y -q --no-install-recommends prometheus ||
    echo "promtool (Debian's package prometheus) could not be installed: its tests are skipped" >&2
fi
deploy/install.sh dev
# Compiled first: measured, the compiler would take several times as long.
.venv/bin/python -c "from captcha_core import rendering; rendering.warm()"
.venv/bin/python -m coverage erase
status=0
.venv/bin/python -m coverage run -m pytest "$@" || status=$?
.venv/bin/python tests/coverage_totals.py || echo "the coverage could not be put together" >&2
exit "$status"
