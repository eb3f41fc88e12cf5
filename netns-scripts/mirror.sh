#!/usr/bin/env bash
#
# Mirrored traffic on one machine: a kernel that sends three VNIs, and vtep with a TAP for each.
#
#   namespace mirror-PID-a ("cloud")                  namespace mirror-PID-b ("sensor")
#  ┌─────────────────────────────────┐              ┌─────────────────────────────────────────┐
#  │  vx42  vx43  vx44 (VNI 42 … 44) │              │  mir-42  mir-43  mir-44 ◄─ tcpdump, zeek │
#  │     └────┬─┴─────┘              │   veth       │     └──────┬─┴───────┘                   │
#  │         va  192.0.2.1           ├──────────────┤  vb  192.0.2.2   vtep: mir0, UDP 4789    │
#  └─────────────────────────────────┘              └─────────────────────────────────────────┘
#
#   mirror.sh [tap words …]     builds it, sends a few frames of each VNI, shows what there is, keeps it until Ctrl-C
#
# Words are added to the receiver's line: `mirror.sh tap-idle 10 max-taps 2`. Needs root.
set -euo pipefail
PATH="$PATH:/usr/sbin:/sbin"

readonly here=$(cd "$(dirname "$0")" && pwd)
readonly vtep="$here/../bin/vtep"
readonly a="mirror-$$-a" b="mirror-$$-b"
in_a() { ip netns exec "$a" "$@"; }
in_b() { ip netns exec "$b" "$@"; }

daemon=''
clean() {
  trap - EXIT INT TERM
  [ -z "$daemon" ] || { kill "$daemon" 2>/dev/null && wait "$daemon" || true; }
  ip netns del "$a" 2>/dev/null || true
  ip netns del "$b" 2>/dev/null || true
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

ip netns add "$a"
ip netns add "$b"
ip link add va netns "$a" type veth peer name vb netns "$b"
in_a ip addr add 192.0.2.1/24 dev va
in_b ip addr add 192.0.2.2/24 dev vb
in_a ip link set va up
in_b ip link set vb up

exec {lines}< <(printf '%s\n' "ip link add mir0 type vxlan vni any tap-prefix mir- $* dstport 4789" 'ip link set mir0 up')
in_b "$vtep" run -b - <&"$lines" &
daemon=$!
until [ "$(in_b cat /sys/class/net/mir0/operstate 2>/dev/null || true)" = unknown ] ||
  in_b ip link show mir0 up 2>/dev/null | grep -q mir0; do
  kill -0 "$daemon" 2>/dev/null || exit 1
  sleep 0.1
done

for vni in 42 43 44; do
  in_a ip link add "vx$vni" type vxlan id "$vni" dstport 4789 local 192.0.2.1 remote 192.0.2.2
  in_a ip addr add "10.$vni.0.1/24" dev "vx$vni"
  in_a ip link set "vx$vni" up
  in_a ip neigh add "10.$vni.0.2" lladdr "02:00:00:00:00:$vni" dev "vx$vni" nud permanent
  in_a ping -c 3 -i 0.2 -W 1 "10.$vni.0.2" >/dev/null || true
done

in_b ip -br link show type tun
in_b "$vtep" drops
cat <<TEXT

Listen:   ip netns exec $b tcpdump -ni mir-42
Send:     ip netns exec $a ping 10.42.0.2
Ctrl-C ends it.
TEXT
wait "$daemon"
