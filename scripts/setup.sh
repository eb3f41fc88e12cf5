#!/usr/bin/env bash
# Brings a checkout into a state in which it builds and runs.
#   setup.sh npm     the npm packages of package-lock.json
#   setup.sh all     those, and the system's packages that they, the tests and the demo use (apt, as root)
# Does nothing where nothing is missing.
#
# raw-socket and cap (for `underlay raw` and `underlay pcap`) are optional and compiled when they are installed. npm
# says nothing where that fails, so it is said here; in CI it is an error.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly pcap_header=/usr/include/pcap/pcap.h

# node-gyp would download the headers of this very version; a Node.js that came with its own needs no network for it
use_own_headers() {
  local node prefix
  node=$(readlink -f "$(command -v node)")
  prefix=$(dirname "$(dirname "$node")")
  if [ -z "${npm_config_nodedir:-}" ] && [ -f "$prefix/include/node/node.h" ]; then
    export npm_config_nodedir=$prefix
  fi
}

is_ci() { [ "${CI:-}" = true ] || [ "${CI:-}" = 1 ]; }

is_built() { # PACKAGE
  case $1 in
    raw-socket) [ -f node_modules/raw-socket/build/Release/raw.node ] ;;
    cap) [ -f node_modules/cap/build/Release/cap.node ] ;;
  esac
}

# What building the optional packages depends on: where it changes they are tried again.
build_conditions() {
  local tool
  for tool in g++ make python3; do command -v "$tool" >/dev/null && echo "# $tool"; done
  [ ! -f "$pcap_header" ] || echo "# $pcap_header"
}

check_optional_packages() {
  local missing=() advice='apt-get install g++ make python3'
  is_built raw-socket || missing+=("raw-socket (underlay raw)")
  if ! is_built cap; then
    missing+=("cap (underlay pcap)")
    advice+=' libpcap-dev'
  fi
  [ ${#missing[@]} -gt 0 ] || return 0
  local IFS=,
  echo "setup: not built: ${missing[*]}. All else works without; to have them: $advice, then npm run build" >&2
  ! is_ci || { echo "setup: in CI nothing may be missing" >&2; return 1; }
}

npm_packages() {
  local stamp=node_modules/.vtep-lock state
  # npm ci empties the directory behind a link, which is another checkout's
  if [ -L node_modules ]; then return; fi
  # npm test and npm run demo may be started side by side: one installs, the other waits for it
  exec 9<package-lock.json
  flock 9
  use_own_headers
  state=$(cat package-lock.json; build_conditions)
  if [ ! -f "$stamp" ] || [ "$state" != "$(cat "$stamp")" ]; then
    echo "setup: npm ci" >&2
    # the compiler is a development dependency, which NODE_ENV=production would leave out
    npm ci --include=dev --include=optional --no-audit --no-fund --loglevel=error >&2
    printf '%s\n' "$state" >"$stamp"
    check_optional_packages
  elif is_ci; then
    check_optional_packages
  fi
}

# what shows that it is there → Debian package
system_packages() {
  local need=() pair
  for pair in ip:iproute2 ping:iputils-ping iperf3:iperf3 ethtool:ethtool g++:g++ make:make python3:python3-minimal; do
    PATH="$PATH:/usr/sbin:/sbin" command -v "${pair%%:*}" >/dev/null || need+=("${pair##*:}")
  done
  [ -f "$pcap_header" ] || need+=(libpcap-dev)
  # for tests that are skipped without them: the interoperability tests, and what systemd says of the unit; whoever is
  # not CI may not want another switch, or systemd
  if is_ci && [ ! -x /usr/sbin/ovs-vswitchd ]; then need+=(openvswitch-switch); fi
  if is_ci && ! command -v systemd-analyze >/dev/null; then need+=(systemd); fi
  if [ ${#need[@]} -gt 0 ]; then install_packages "${need[@]}"; fi
}

install_packages() { # PACKAGES
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "setup: not installed and not installable from here: $* (optional underlays, end-to-end tests and the demo use them)" >&2
    return
  fi
  echo "setup: apt-get install $*" >&2
  export DEBIAN_FRONTEND=noninteractive
  # a fresh machine may have another apt at work: wait for its lock; one source of many that fails is no obstacle
  apt-get -qq -o DPkg::Lock::Timeout=120 update >/dev/null || true
  # RUNLEVEL=1: no service of a package is started (invoke-rc.d(8)); the tests start their own
  RUNLEVEL=1 apt-get -qq -y -o DPkg::Lock::Timeout=120 install --no-install-recommends "$@" >/dev/null ||
    echo "setup: apt-get could not install $*: what needs them will say so" >&2
}

case "${1:-all}" in
  npm) npm_packages ;;
  all) system_packages; npm_packages ;;
  *) echo "usage: setup.sh [npm|all]" >&2; exit 2 ;;
esac
