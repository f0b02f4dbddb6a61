#!/usr/bin/env bash
# From a bare clone to solved CAPTCHAs: install capq, render 1,000 labelled images, read them, and say how well.
# deploy/quickstart.sh [EXTRAS]: all of them, or embedded,fast,onnx for what this script needs.
set -euo pipefail
cd "$(dirname "$0")/.."
deploy/install.sh "${1:-all}"
PATH="$PWD/.venv/bin:$PATH"
capq generate --shards 4 --per-shard 250 --format folder --image-format png --out out/images
capq solve-dir out/images --out out/results.csv --overwrite
head -n 6 out/results.csv
capq evaluate out/images
