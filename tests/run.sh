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
deploy/install.sh dev
export PATH="$PWD/.venv/bin:$PATH"
# Unpacked and not installed: the package would start a service.
unpack_prometheus() {
  local folder
  folder=$(mktemp -d) && as_root apt-get update -q && (
    cd "$folder" && apt-get download -q prometheus && dpkg-deb -x prometheus_*.deb .
  ) && cp "$folder"/usr/bin/prom* .venv/bin/ && rm -r "$folder"
}
command -v promtool >/dev/null || unpack_prometheus ||
  echo "promtool (Debian's package prometheus) is not to be had: its tests are skipped" >&2
# Compiled first: measured, the compiler would take several times as long.
.venv/bin/python -c "from captcha_core import rendering; rendering.warm()"
.venv/bin/python -m coverage erase
# Two at a time, since most tests wait for processes of their own; suites that are named have the machine alone.
# In the order of their folders: the long ones first, so that both end together.
if [ $# -eq 0 ]; then
  set -- --numprocesses 2 --dist loadfile --no-loadscope-reorder --durations 40
  export OMP_NUM_THREADS=1  # one thread of PyTorch for each of the two
fi
# Every process measures itself: this one, the commands and the workers.
export CHECKOUT="$PWD" COVERAGE_PROCESS_START="$PWD/pyproject.toml" COVERAGE_FILE="$PWD/.coverage"
export PYTHONPATH="$PWD/tests/measuring${PYTHONPATH:+:$PYTHONPATH}"
status=0
.venv/bin/python -m pytest "$@" || status=$?
unset COVERAGE_PROCESS_START
.venv/bin/python tests/coverage_totals.py || echo "the coverage could not be put together" >&2
exit "$status"
