#!/usr/bin/env bash
# npm run torture [-- [--brief] [--list] [--json FILE] [--write] [NAME…]]: floods, faults, wrong bytes and ends of every
# kind, and for each what was counted and whether what vtep promises was kept. --brief takes seconds instead of minutes,
# as CI does; --list names the scenarios; --write renews docs/torture.md. Ends with 1 where a promise was broken.
cd "$(dirname "$0")/.."
. scripts/in-namespaces.sh
prepare 'Torture' torture "$@"
exec node dist/test/torture/main.js "$@"
