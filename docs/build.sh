#!/usr/bin/env bash
# Install what the documentation needs into .venv and build the site into site/: docs/build.sh [MKDOCS ARGUMENTS]
set -euo pipefail
cd "$(dirname "$0")/.."
deploy/install.sh docs
export NO_MKDOCS_2_WARNING=true
exec .venv/bin/python -m mkdocs build --strict "$@"
