#!/usr/bin/env bash
#
# Two hosts without root: everything is inside a user namespace of whoever starts this, and goes with it.
#
#   user namespace (root inside, an ordinary user outside)
#  ┌────────────────────────────────────────────────────────────────────────────────┐
#  │   network namespace "host A"                 network namespace "host B"        │
#  │  ┌──────────────────────────┐               ┌───────────────────────────────┐  │
#  │  │ vx0  10.9.0.1   VNI 9    │     veth      │ vx0  10.9.0.2   VNI 9         │  │
#  │  │  kernel (or vtep)        ├───────────────┤  vtep                         │  │
#  │  │ va  192.0.2.1            │               │ vb  192.0.2.2                 │  │
#  │  └──────────────────────────┘               └───────────────────────────────┘  │
#  └────────────────────────────────────────────────────────────────────────────────┘
#
#   rootless.sh             builds it, pings through the tunnel, opens a shell on host B, removes it at its end
#   rootless.sh ping        builds it, pings, removes it: exit 0 where every ping was answered
#   --tun PATH              a device node of TUN/TAP that this user may open (default: $VTEP_TUN, or /dev/net/tun)
#   --peer auto|kernel|vtep what is on host A; auto (default): the kernel's device, or vtep where it has none
#
# Needs user namespaces for ordinary users, and a TUN device node that may be opened: docs/rootless.md.
set -euo pipefail
PATH="$PATH:/usr/sbin:/sbin"

readonly here=$(cd "$(dirname "$0")" && pwd)
readonly vtep="$here/../bin/vtep"
say() { printf 'rootless: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

verb=shell tun=${VTEP_TUN:-/dev/net/tun} peer=auto stage=outside
while [ $# -gt 0 ]; do
  case "$1" in
    ping | shell) verb=$1 ;;
    --tun | --peer)
      [ $# -gt 1 ] || die "$1 needs a value"
      printf -v "${1#--}" '%s' "$2"; shift ;;
    --inside) stage=inside ;;
    *) sed -n '/^#   rootless/,/^set /{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
  esac
  shift
done
case "$peer" in auto | kernel | vtep) ;; *) die "--peer is one of: auto kernel vtep" ;; esac

if [ "$stage" = outside ]; then
  for tool in ip ping unshare nsenter setpriv; do
    command -v "$tool" >/dev/null || die "not installed: $tool (Debian: iproute2, iputils-ping, util-linux)"
  done
  [ -f "$here/../dist/src/cli/main.js" ] || die "vtep is not built: npm run build"
  [ -e "$tun" ] || die "$tun is not there: modprobe tun as root, or --tun PATH (docs/rootless.md)"
  { : <>"$tun"; } 2>/dev/null || die "$tun may not be opened by this user: chmod 666 as root, or --tun PATH (docs/rootless.md)"
  unshare --user --map-root-user --net true 2>/dev/null ||
    die "this user may make no user namespaces: sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns"
  exec unshare --user --map-root-user --net \
    bash "$0" --inside "$verb" --tun "$tun" --peer "$peer"
fi

# ---- inside: root of the user namespace, on host A ---------------------------------------------------------------

readonly notes=$(mktemp -d "${XDG_RUNTIME_DIR:-${TMPDIR:-/tmp}}/vtep-rootless-XXXXXX")
children=()
clean() {
  trap - EXIT INT TERM HUP
  for pid in "${children[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$notes"
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Whatever becomes of this shell, nothing of it stays: the kernel ends its children with it.
setpriv --pdeathsig KILL unshare --net sleep infinity &
children+=($!)
readonly holder=$!
own=$(readlink "/proc/self/ns/net")
for ((tenth = 0; tenth < 100; tenth++)); do
  theirs=$(readlink "/proc/$holder/ns/net" || true)
  if [ -n "$theirs" ] && [ "$theirs" != "$own" ]; then break; fi
  sleep 0.05
done
[ "$theirs" != "$own" ] || die "there is no second network namespace"
on_b() { nsenter --net="/proc/$holder/ns/net" "$@"; }

ip link set lo up
on_b ip link set lo up
ip link add va type veth peer name vb
ip link set vb netns "$holder"
ip addr add 192.0.2.1/24 dev va
ip link set va up
on_b ip addr add 192.0.2.2/24 dev vb
on_b ip link set vb up

batch() { # LOCAL REMOTE INNER
  echo "ip link add vx0 type vxlan id 9 local $1 remote $2 dstport 4789"
  echo "ip addr add $3/24 dev vx0"
  echo "ip link set vx0 up"
}

start() { # HOST COMMAND…: a vtep, and waits until it is ready
  local host=$1 pid; shift
  setpriv --pdeathsig TERM "$@" "$vtep" run -b "$notes/$host.batch" --tun "$tun" --control "$notes/$host.sock" >"$notes/$host.log" 2>&1 &
  pid=$!
  children+=("$pid")
  for ((tenth = 0; tenth < 300; tenth++)); do
    if grep -q '^vtep: ready' "$notes/$host.log"; then return; fi
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.05
  done
  cat "$notes/$host.log" >&2
  die "vtep on host ${host^^} is not ready"
}

if [ "$peer" = auto ]; then
  peer=vtep
  if ip link add vx-probe type vxlan id 1 dstport 4790 2>/dev/null; then
    ip link del vx-probe
    peer=kernel
  fi
fi
batch 192.0.2.1 192.0.2.2 10.9.0.1 >"$notes/a.batch"
batch 192.0.2.2 192.0.2.1 10.9.0.2 >"$notes/b.batch"
if [ "$peer" = vtep ]; then
  start a env
else
  ip -batch <(sed 's/^ip //' "$notes/a.batch")
fi
start b nsenter "--net=/proc/$holder/ns/net"

say "host A: $peer, host B: vtep, user $(id -u) inside, $(awk '{print $2}' /proc/self/uid_map) outside"
# The veth's carrier and the first neighbour take their time.
for ((tenth = 0; tenth < 50; tenth++)); do
  if ping -c 1 -W 1 10.9.0.2 >/dev/null 2>&1; then break; fi
done
ping -c 5 -i 0.2 -W 2 10.9.0.2
if [ "$verb" = shell ]; then
  say "a shell on host B; try: vtep drops, ping 10.9.0.1, ip -s link show vx0. exit removes everything"
  VTEP_CONTROL="$notes/b.sock" PATH="$here/../bin:$PATH" on_b "${SHELL:-bash}" || true
fi
