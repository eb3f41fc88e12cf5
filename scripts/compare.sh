#!/usr/bin/env bash
# npm run compare [-- [4|6] [WORD…]]: the same option lists and the same traffic for a kernel vxlan device and for vtep,
# each between two hosts of its own on this machine, and a line for each list: datagrams on the wire, frames on the inner
# side, entries, drops (kernel/vtep), counters, and whether all of it is equal. Words choose lists by title or option;
# --list names them. Ends with 1 where anything differs.
cd "$(dirname "$0")/.."
. scripts/in-namespaces.sh
prepare 'The comparison' compare "$@"
exec node dist/test/netns/compare/main.js "$@"
