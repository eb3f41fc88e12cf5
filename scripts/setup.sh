#!/usr/bin/env bash
# Brings a checkout into a state in which it builds and runs.
#   setup.sh npm     the npm packages of package-lock.json
#   setup.sh all     those, and the system's packages that the tests and the demo use (apt, as root)
# Does nothing where nothing is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

npm_packages() {
  local stamp=node_modules/.vtep-lock
  # npm test and npm run demo may be started side by side: one installs, the other waits for it
  exec 9<package-lock.json
  flock 9
  if [ -f "$stamp" ] && cmp -s package-lock.json "$stamp"; then return; fi
  echo "setup: npm ci" >&2
  # the compiler is a development dependency, which NODE_ENV=production would leave out
  npm ci --include=dev --no-audit --no-fund --loglevel=error >&2
  cp package-lock.json "$stamp"
}

# command → Debian package
system_packages() {
  local need=() pair
  for pair in ip:iproute2 ping:iputils-ping iperf3:iperf3 ethtool:ethtool; do
    PATH="$PATH:/usr/sbin:/sbin" command -v "${pair%%:*}" >/dev/null || need+=("${pair##*:}")
  done
  if [ ${#need[@]} -eq 0 ]; then return; fi
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "setup: not installed and not installable from here: ${need[*]} (end-to-end tests and the demo use them)" >&2
    return
  fi
  echo "setup: apt-get install ${need[*]}" >&2
  export DEBIAN_FRONTEND=noninteractive
  # a fresh machine may have another apt at work: wait for its lock; one source of many that fails is no obstacle
  apt-get -qq -o DPkg::Lock::Timeout=120 update >/dev/null || true
  apt-get -qq -y -o DPkg::Lock::Timeout=120 install --no-install-recommends "${need[@]}" >/dev/null ||
    echo "setup: apt-get could not install ${need[*]}: what needs them will say so" >&2
}

case "${1:-all}" in
  npm) npm_packages ;;
  all) system_packages; npm_packages ;;
  *) echo "usage: setup.sh [npm|all]" >&2; exit 2 ;;
esac
