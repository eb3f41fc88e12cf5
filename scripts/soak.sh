#!/usr/bin/env bash
# npm run soak [-- [--minutes N] [--rate N]]: mixed traffic below capacity for N minutes (10), while rules, forwarding
# tables, files and monitors come and go; --rate: datagrams a second, each way (2000). Prints what was counted, and ends
# with 1 where something was lost, memory or descriptors grew, a counter went back, or a command was not answered.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$PATH:/usr/sbin:/sbin"

case " $* " in
  *' --help '* | *' -h '*) sed -n '2,4s/^# //p' "$0"; exit ;;
esac
if [ "$(id -u)" != 0 ]; then
  echo "A soak makes network namespaces and TAP devices, which needs root. Try: sudo npm run soak" >&2
  exit 1
fi
if [ ! -c /dev/net/tun ]; then
  echo "There is no /dev/net/tun here. Try: modprobe tun; in a container, start it with --device /dev/net/tun" >&2
  exit 1
fi
bash scripts/setup.sh all
npx --no-install tsc --build
netns-scripts/two-hosts.sh sweep
exec node dist/test/soak/main.js "$@"
