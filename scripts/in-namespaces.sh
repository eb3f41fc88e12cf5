# Sourced by what makes network namespaces and TAP devices: answers --help with the head of the script, refuses where
# there are no rights and no /dev/net/tun, then sets up, builds, and removes what runs that are dead have left behind.
#   prepare WHO SCRIPT WORDS…    "WHO makes network namespaces …"; npm run SCRIPT; the script's own words
set -euo pipefail
PATH="$PATH:/usr/sbin:/sbin"

prepare() {
  local who=$1 script=$2
  shift 2
  case " $* " in
    *' --help '* | *' -h '*) sed -n '2,/^[^#]/s/^# //p' "scripts/$(basename "$0")"; exit ;;
  esac
  if [ "$(id -u)" != 0 ]; then
    echo "$who makes network namespaces and TAP devices, which needs root. Try: sudo npm run $script" >&2
    exit 1
  fi
  if [ ! -c /dev/net/tun ]; then
    echo "There is no /dev/net/tun here. Try: modprobe tun; in a container, start it with --device /dev/net/tun" >&2
    exit 1
  fi
  bash scripts/setup.sh all
  npx --no-install tsc --build
  netns-scripts/two-hosts.sh sweep
}
