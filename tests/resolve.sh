#!/usr/bin/env bash
# Resolve every extra for each Python and platform that capq is meant for, from wheels alone and
# without installing any: tests/resolve.sh [PYTHON…]
# Takes about two minutes, most of them the index's; needs the extra `dev` (`uv`), and an index.
set -uo pipefail
cd "$(dirname "$0")/.."
pythons=("$@")
[ ${#pythons[@]} -gt 0 ] || pythons=(3.11 3.12 3.13 3.14)
platforms=(x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu aarch64-apple-darwin)
# Data and pure Python, of which the index has sources only.
sources=(wheezy-captcha font-caladea font-fjallaone font-fredoka-one font-hanken-grotesk font-lato font-manrope
  font-rhd font-roboto font-source-sans-pro font-source-serif-pro ttf-opensans)
# onnxruntime's wheels are for macOS 14 and newer.
export MACOSX_DEPLOYMENT_TARGET=14.0
uv=${UV:-.venv/bin/uv}
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

resolve() { # PYTHON PLATFORM
  "$uv" pip compile --quiet --only-binary :all: $(printf -- '--no-binary %s ' "${sources[@]}") \
    --python-version "$1" --python-platform "$2" --all-extras --output-file "$logs/$1-$2.txt" pyproject.toml \
    >"$logs/$1-$2.log" 2>&1
}

failed=0
for python in "${pythons[@]}"; do
  processes=()
  for platform in "${platforms[@]}"; do
    resolve "$python" "$platform" &
    processes+=($!)
  done
  for number in "${!platforms[@]}"; do
    platform=${platforms[$number]}
    if wait "${processes[$number]}"; then
      echo "Python $python on $platform: $(grep -c '==' "$logs/$python-$platform.txt") packages"
    else
      echo "Python $python on $platform: CANNOT BE RESOLVED"
      cat "$logs/$python-$platform.log"
      failed=1
    fi
  done
done
exit "$failed"
