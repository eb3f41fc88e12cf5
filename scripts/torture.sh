#!/usr/bin/env bash
# npm run torture [-- [--brief] [--list] [--json FILE] [--write] [NAME…]]: floods, faults, wrong bytes and ends of every
# kind, and for each what was counted and whether what vtep promises was kept. --brief takes seconds instead of minutes,
# as CI does; --list names the scenarios; --write renews docs/torture.md. Ends with 1 where a promise was broken.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$PATH:/usr/sbin:/sbin"

case " $* " in
  *' --help '* | *' -h '*) sed -n '2,4s/^# //p' "$0"; exit ;;
esac
if [ "$(id -u)" != 0 ]; then
  echo "Torture makes network namespaces and TAP devices, which needs root. Try: sudo npm run torture" >&2
  exit 1
fi
if [ ! -c /dev/net/tun ]; then
  echo "There is no /dev/net/tun here. Try: modprobe tun; in a container, start it with --device /dev/net/tun" >&2
  exit 1
fi
bash scripts/setup.sh all
npx --no-install tsc --build
netns-scripts/two-hosts.sh sweep
exec node dist/test/torture/main.js "$@"
