#!/usr/bin/env bash
# npm test [-- AVA options and files]: sets up, builds, runs every test.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh all
npx --no-install tsc --build
exec npx --no-install ava "$@"
