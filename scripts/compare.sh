#!/usr/bin/env bash
# npm run compare [-- [4|6] [WORD…]]: the same option lists and the same traffic for a kernel vxlan device and for vtep,
# each between two hosts of its own on this machine, and a line for each list: datagrams on the wire, frames on the inner
# side, entries, drops (kernel/vtep), counters, and whether all of it is equal. Words choose lists by title or option;
# --list names them. Ends with 1 where anything differs.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$PATH:/usr/sbin:/sbin"

case " $* " in
  *' --help '*) sed -n '2,5s/^# //p' "$0"; exit ;;
esac
if [ "$(id -u)" != 0 ]; then
  echo "The comparison makes network namespaces and TAP devices, which needs root. Try: sudo npm run compare" >&2
  exit 1
fi
if [ ! -c /dev/net/tun ]; then
  echo "There is no /dev/net/tun here. Try: modprobe tun; in a container, start it with --device /dev/net/tun" >&2
  exit 1
fi
bash scripts/setup.sh all
npx --no-install tsc --build
netns-scripts/two-hosts.sh sweep
exec node dist/test/netns/compare/main.js "$@"
