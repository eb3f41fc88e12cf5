#!/usr/bin/env bash
# npm run bench [-- OPTIONS]: sets up, builds, and compares vtep with the kernel's VXLAN device and others, side by side.
# npm run bench -- NAME: a microbench, which needs no rights.
# `npm run bench -- --help` lists the options.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$PATH:/usr/sbin:/sbin"

case " $* " in
  *' --help '*) ;;
  '  ' | ' -'*)
    # said before anything is fetched or built
    if [ "$(id -u)" != 0 ]; then
      echo "The benchmark makes network namespaces and TAP devices, which needs root. Try: sudo npm run bench" >&2
      exit 1
    fi
    if [ ! -c /dev/net/tun ]; then
      echo "There is no /dev/net/tun here. Try: modprobe tun; in a container, start it with --device /dev/net/tun" >&2
      exit 1
    fi
    ;;
esac
bash scripts/setup.sh all
npx --no-install tsc --build
exec node dist/bench/main.js "$@"
