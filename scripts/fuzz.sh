#!/usr/bin/env bash
# npm run fuzz [-- [OPTIONS] [TARGET…]]: sets up, builds and fuzzes; `npm run fuzz -- --help` lists the options. It needs
# no rights, and makes nothing but files with what it found.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh npm
npx --no-install tsc --build
exec node dist/test/fuzz/main.js "$@"
