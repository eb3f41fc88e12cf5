#!/usr/bin/env bash
# npm run soak [-- [--minutes N] [--rate N]]: mixed traffic below capacity for N minutes (10), while rules, forwarding
# tables, files and monitors come and go; --rate: datagrams a second, each way (2000). Prints what was counted, and ends
# with 1 where something was lost, memory or descriptors grew, a counter went back, or a command was not answered.
cd "$(dirname "$0")/.."
. scripts/in-namespaces.sh
prepare 'A soak' soak "$@"
exec node dist/test/soak/main.js "$@"
