#!/usr/bin/env bash
#
# Two hosts on one machine: a kernel VXLAN device talks to vtep.
#
#   namespace P-a ("host A", the peer)              namespace P-b ("host B")
#  ┌───────────────────────────────────┐          ┌────────────────────────────────────────────┐
#  │  ping, iperf3 …                   │          │                        ping, iperf3 …      │
#  │     │                             │          │                              │             │
#  │  vxlan4   10.4.0.1  fd04::1       │          │                      tap0  10.4.0.2        │
#  │     │     24:25:d0:e1:00:00       │          │   flower rules, ┌─────▲──┐ fd04::2         │
#  │     │     VNI 4                   │          │   tunnel_key,   │  vtep  │ 02:25:d0:13:01:02
#  │     │                             │          │   mirred        └─▲──────┘                 │
#  │     │                             │          │                vxlan0 (external, 4789)     │
#  │    va  192.168.1.14 / fd00:1::14  │          │                   │                        │
#  │     │                             │          │    vb  192.168.1.13 / fd00:1::13           │
#  └─────┼─────────────────────────────┘          └────┼───────────────────────────────────────┘
#        └───────────────── veth ──────────────────────┘
#
#   two-hosts.sh run  [options]      builds it, keeps it until Ctrl-C, removes it
#   two-hosts.sh up   [options]      builds it and returns
#   two-hosts.sh down [--prefix P]   removes what `up` built (nothing there is fine)
#   two-hosts.sh sweep               removes what runs that are dead have left behind
#
#   --prefix P            what the namespaces' names begin with; default: unique
#   --mode super|wire     super (default): plain veth, which hands over unsegmented frames of up to 64 KB
#                         wire: every packet has its wire size and a real checksum, as on a network
#   --underlay 4|6        address family between the hosts (default 4)
#   --inner 4|6|46        address families inside the tunnel (default 4)
#   --neighbours arp|static
#                         arp (default): ARP has a rule of its own and goes through the tunnel
#                         static: permanent neighbour entries, so that one rule is enough
#   --endpoint vtep|kernel|none
#                         what terminates the tunnel on host B (default vtep; none: a batch file is left for you)
#   --peer auto|kernel|vtep
#                         the same for host A; auto: the kernel, or vtep where the kernel has no VXLAN device
#   --env                 print the names as NAME=value lines and nothing else
#
# Needs root (network namespaces and /dev/net/tun). `up` leaves its notes (batch files, pids, logs) in
# /run/P.two-hosts.
set -euo pipefail
PATH="$PATH:/usr/sbin:/sbin"

readonly here=$(cd "$(dirname "$0")" && pwd)
readonly vtep="$here/../bin/vtep"
readonly mac_a=24:25:d0:e1:00:00 mac_b=02:25:d0:13:01:02
readonly vni=4 port=4789
readonly inner4_a=10.4.0.1 inner4_b=10.4.0.2 inner6_a=fd04::1 inner6_b=fd04::2

notes() { echo "/run/$1.two-hosts"; }
say() { printf 'two-hosts: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

verb=${1:-}
[ $# -gt 0 ] && shift
prefix='' mode=super underlay=4 inner=4 neighbours=arp endpoint=vtep peer=auto env=no
while [ $# -gt 0 ]; do
  case "$1" in
    --env) env=yes; shift; continue ;;
    --prefix | --mode | --underlay | --inner | --neighbours | --endpoint | --peer)
      [ $# -gt 1 ] || die "$1 needs a value"
      printf -v "${1#--}" '%s' "$2"; shift 2 ;;
    *) die "unknown option $1 ($0 help lists them)" ;;
  esac
done
one_of() { # VALUE OPTION CHOICES…
  local value=$1 option=$2 choice; shift 2
  for choice; do [ "$value" = "$choice" ] && return; done
  die "--$option is one of: $*"
}
one_of "$mode" mode super wire
one_of "$underlay" underlay 4 6
one_of "$inner" inner 4 6 46
one_of "$neighbours" neighbours arp static
one_of "$endpoint" endpoint vtep kernel none
one_of "$peer" peer auto kernel vtep
[[ $prefix =~ ^[A-Za-z0-9_-]*$ ]] || die "--prefix may hold letters, digits, - and _"

if [ "$underlay" = 4 ]; then
  outer_a=192.168.1.14 outer_b=192.168.1.13 outer_len=24 mtu=1450
else
  outer_a=fd00:1::14 outer_b=fd00:1::13 outer_len=64 mtu=1430
fi

# ---- processes by their id, and whether an id still means the same process -------------------------------------

start_time() { # PID: clock ticks since boot, the 22nd field of /proc/PID/stat; fails where there is no such process
  local stat fields
  { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
  read -ra fields <<<"${stat##*) }"
  echo "${fields[19]}"
}

stop() { # PID START-TIME: ends the process and waits for it
  local tenth
  [ "$(start_time "$1")" = "$2" ] || return 0
  kill -TERM "$1" 2>/dev/null || return 0
  for ((tenth = 0; tenth < 50; tenth++)); do
    [ "$(start_time "$1")" = "$2" ] || return 0
    sleep 0.1
  done
  kill -KILL "$1" 2>/dev/null || true
}

# ---- taking down -----------------------------------------------------------------------------------------------

down() { # PREFIX
  local file pid started name
  for file in "$(notes "$1")"/*.pid; do
    [ -f "$file" ] || continue
    read -r pid started <"$file" && stop "$pid" "$started"
  done
  for name in /run/netns/"$1"-[a-z]; do
    [ -e "$name" ] && remove_namespace "${name##*/}"
  done
  rm -rf "$(notes "$1")"
}

# With the control socket that a vtep without a chance to clean up has left: it bears the namespace's inode, which the
# kernel gives to another one some day. Whoever lives holds the lock.
remove_namespace() { # NAME
  local socket
  socket=/run/vtep/net-$(stat -L -c %i "/run/netns/$1" 2>/dev/null).sock || true
  if [ -e "$socket.lock" ]; then flock -w 1 "$socket.lock" rm -f "$socket" "$socket.lock" || true; fi
  ip netns del "$1" 2>/dev/null || true
}

# The end of this script removes what it built, to the end: a second Ctrl-C does not leave half of it.
down_at_exit() {
  trap '' INT TERM HUP
  down "$prefix"
}
remove_in_the_end() {
  trap down_at_exit EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'exit 129' HUP
}

# Names that carry a process (vtep-PID-STARTTIME-…) are removed when that process is gone, with what runs there.
sweep() {
  local path name pid
  for path in /run/netns/vtep-* /run/vtep-*.two-hosts; do
    name=${path##*/}
    [[ $name =~ ^vtep-([0-9]+)-([0-9]+)- ]] || continue
    [ "$(start_time "${BASH_REMATCH[1]}")" = "${BASH_REMATCH[2]}" ] && continue
    if [[ $path == /run/netns/* ]]; then
      for pid in $(ip netns pids "$name" 2>/dev/null); do kill -KILL "$pid" 2>/dev/null || true; done
      remove_namespace "$name"
    else
      rm -rf "$path"
    fi
  done
}

# ---- building --------------------------------------------------------------------------------------------------

host_a() { ip netns exec "$prefix-a" "$@"; }
host_b() { ip netns exec "$prefix-b" "$@"; }

kernel_has_vxlan() {
  ip -n "$prefix-a" link add vxlan-probe type vxlan id 1 dstport "$port" 2>/dev/null || return 1
  ip -n "$prefix-a" link del vxlan-probe
}

# Nothing speaks that nobody asked: no router solicitations, no duplicate address detection, and no IPv6 at all
# inside a tunnel that carries IPv4 only. Counters can then be compared exactly.
quiet() { # NAMESPACE
  ip netns exec "$1" sh -c '
    cd /proc/sys/net/ipv6/conf 2>/dev/null || exit 0
    echo 0 >default/accept_dad; echo 0 >all/accept_dad
    echo 0 >default/router_solicitations; echo 0 >default/accept_ra
    echo "$1" >default/disable_ipv6' sh "$([ "$inner" = 4 ] && echo 1 || echo 0)"
  ip -n "$1" link set lo up
}

underlay() {
  local ns dev address
  ip -n "$prefix-a" link add va type veth peer name vb netns "$prefix-b"
  for ns in a b; do
    dev=v$ns address=$outer_a
    [ "$ns" = b ] && address=$outer_b
    if [ "$underlay" = 6 ]; then ip netns exec "$prefix-$ns" sh -c "echo 0 >/proc/sys/net/ipv6/conf/$dev/disable_ipv6"; fi
    if [ "$mode" = wire ]; then
      ip netns exec "$prefix-$ns" ethtool -K "$dev" tx off >/dev/null
      ip netns exec "$prefix-$ns" ethtool -K "$dev" gro on >/dev/null
    fi
    ip -n "$prefix-$ns" addr add "$address/$outer_len" dev "$dev" $([ "$underlay" = 6 ] && echo nodad)
    ip -n "$prefix-$ns" link set "$dev" up
  done
  # The kernel notices carriers in its own time, up to a second later, and has no IPv6 route until then.
  for _ in $(seq 50); do
    if ip netns exec "$prefix-a" ping -c 1 -W 0.2 "$outer_b" >/dev/null 2>&1; then return; fi
    sleep 0.05
  done
  die "host A does not reach $outer_b over the veth pair"
}

# The batch of one host: HOST-LETTER LOCAL REMOTE MAC REMOTE-MAC INNER4 INNER6 REMOTE-INNER4 REMOTE-INNER6
batch() {
  local key="enc_dst_ip $2 enc_src_ip $3 enc_key_id $vni enc_dst_port $port"
  local to_tap='action tunnel_key unset pipe action mirred egress redirect dev tap0'
  local in="tc filter add dev vxlan0 parent ffff: protocol"
  echo "# host ${1^^}: VNI $vni from $3 goes to tap0, and back"
  echo "ip link add name vxlan0 type vxlan dstport $port dev v$1 external udp6zerocsumrx udp6zerocsumtx"
  echo "ip tuntap add dev tap0 mode tap"
  echo "ip link set dev tap0 address $4 mtu $mtu up"
  if [[ $inner == *4* ]]; then
    echo "ip addr add $6/24 dev tap0"
    if [ "$neighbours" = static ]; then echo "ip neigh replace $8 lladdr $5 dev tap0 nud permanent"; fi
  fi
  if [[ $inner == *6* ]]; then
    echo "ip addr add $7/64 dev tap0 nodad"
    if [ "$neighbours" = static ]; then echo "ip neigh replace $9 lladdr $5 dev tap0 nud permanent"; fi
  fi
  echo "ip link set dev vxlan0 up"
  echo "tc qdisc add dev vxlan0 handle ffff: ingress"
  if [[ $inner == *4* ]]; then
    echo "$in ip prio 1 flower skip_hw dst_mac $4 src_mac $5 $key $to_tap"
    if [ "$neighbours" = arp ]; then echo "$in arp prio 2 flower src_mac $5 $key $to_tap"; fi
  fi
  # no dst_mac here: neighbour discovery is multicast
  if [[ $inner == *6* ]]; then echo "$in ipv6 prio 3 flower src_mac $5 $key $to_tap"; fi
  echo "tc qdisc add dev tap0 clsact"
  echo "tc filter add dev tap0 ingress protocol all prio 1 flower src_mac $4" \
    "action tunnel_key set id $vni src_ip $2 dst_ip $3 dst_port $port action mirred egress redirect dev vxlan0"
}

# HOST-LETTER LOCAL REMOTE MAC REMOTE-MAC INNER4 INNER6 REMOTE-INNER4 REMOTE-INNER6
kernel_endpoint() {
  local ns=$prefix-$1
  ip -n "$ns" link add vxlan4 address "$4" mtu "$mtu" type vxlan id "$vni" local "$2" remote "$3" \
    dstport "$port" dev "v$1" $([ "$underlay" = 6 ] && echo udp6zerocsumrx)
  ip -n "$ns" link set vxlan4 up
  if [[ $inner == *4* ]]; then
    ip -n "$ns" addr add "$6/24" dev vxlan4
    if [ "$neighbours" = static ]; then ip -n "$ns" neigh replace "$8" lladdr "$5" dev vxlan4 nud permanent; fi
  fi
  if [[ $inner == *6* ]]; then
    ip -n "$ns" addr add "$7/64" dev vxlan4 nodad
    if [ "$neighbours" = static ]; then ip -n "$ns" neigh replace "$9" lladdr "$5" dev vxlan4 nud permanent; fi
  fi
}

vtep_endpoint() { # HOST-LETTER: starts the daemon and waits until it is ready
  local dir pid tenth
  dir=$(notes "$prefix")
  [ -f "$here/../dist/src/cli/main.js" ] || die "vtep is not built: npm run build"
  : >"$dir/host-$1.log"
  # a session of its own: Ctrl-C and a closed terminal are this script's business
  setsid ip netns exec "$prefix-$1" "$vtep" run -b "$dir/host-$1.batch" </dev/null >"$dir/host-$1.log" 2>&1 &
  pid=$!
  echo "$pid $(start_time "$pid" || echo gone)" >"$dir/host-$1.pid"
  for ((tenth = 0; tenth < 100; tenth++)); do
    if grep -q '^vtep: ready' "$dir/host-$1.log"; then return; fi
    if ! start_time "$pid" >/dev/null; then
      cat "$dir/host-$1.log" >&2
      die "vtep on host ${1^^} ended"
    fi
    sleep 0.1
  done
  cat "$dir/host-$1.log" >&2
  die "vtep on host ${1^^} was not ready after 10 s"
}

tools_are_there() {
  local tool
  for tool in ip ping ethtool; do
    command -v "$tool" >/dev/null || die "not installed: $tool (Debian: iproute2, iputils-ping, ethtool)"
  done
}

not_up_yet() { # asked before anything is to be removed at the end: what stands is somebody else's
  if [ -e "/run/netns/$prefix-a" ] || [ -e "$(notes "$prefix")" ]; then
    die "$prefix is up already ($0 down --prefix $prefix removes it)"
  fi
}

up() {
  local a=("$outer_a" "$outer_b" "$mac_a" "$mac_b" "$inner4_a" "$inner6_a" "$inner4_b" "$inner6_b")
  local b=("$outer_b" "$outer_a" "$mac_b" "$mac_a" "$inner4_b" "$inner6_b" "$inner4_a" "$inner6_a")
  mkdir -m 700 "$(notes "$prefix")"
  ip netns add "$prefix-a"
  ip netns add "$prefix-b"
  quiet "$prefix-a"
  quiet "$prefix-b"
  underlay
  if [ "$peer" = auto ]; then
    if kernel_has_vxlan; then peer=kernel; else peer=vtep; fi
  fi
  batch a "${a[@]}" >"$(notes "$prefix")/host-a.batch"
  batch b "${b[@]}" >"$(notes "$prefix")/host-b.batch"
  if [ "$peer" = kernel ]; then kernel_endpoint a "${a[@]}"; else vtep_endpoint a; fi
  case "$endpoint" in
    kernel) kernel_endpoint b "${b[@]}" ;;
    vtep) vtep_endpoint b ;;
  esac
}

inner_device() { if [ "$1" = kernel ]; then echo vxlan4; else echo tap0; fi; }

describe() {
  local ping_to=$inner4_b ping_back=$inner4_a
  if [ "$inner" = 6 ]; then ping_to=$inner6_b ping_back=$inner6_a; fi
  if [ "$env" = yes ]; then
    printf '%s\n' "PREFIX=$prefix" "HOST_A=$prefix-a" "HOST_B=$prefix-b" "PEER=$peer" "ENDPOINT=$endpoint" \
      "DEV_A=$(inner_device "$peer")" "DEV_B=$(inner_device "$endpoint")" "MTU=$mtu" \
      "OUTER_A=$outer_a" "OUTER_B=$outer_b" "INNER_A=$ping_back" "INNER_B=$ping_to" "BATCH_B=$(notes "$prefix")/host-b.batch"
    return
  fi
  cat <<END
host A  namespace $prefix-a   $peer, VNI $vni   outer $outer_a   inner $ping_back on $(inner_device "$peer")
host B  namespace $prefix-b   $endpoint, VNI $vni   outer $outer_b   inner $ping_to on $(inner_device "$endpoint")
configuration of host B: $(notes "$prefix")/host-b.batch

to try:
END
  if [ "$endpoint" = none ]; then echo "  ip netns exec $prefix-b $vtep run -b $(notes "$prefix")/host-b.batch"; fi
  cat <<END
  ip netns exec $prefix-a ping $ping_to
  ip netns exec $prefix-b iperf3 -s -D -1 && ip netns exec $prefix-a iperf3 -c $ping_to
END
  if [ "$endpoint" != kernel ]; then
    cat <<END
  ip netns exec $prefix-b $vtep tc -s filter show dev vxlan0 ingress
  ip netns exec $prefix-b $vtep drops
END
  fi
  if [ "$verb" = up ]; then echo "  $0 down --prefix $prefix"; else echo "Ctrl-C removes everything"; fi
}

# ---- the verbs -------------------------------------------------------------------------------------------------

[ "$(id -u)" = 0 ] || case "$verb" in up | run | down | sweep) die "needs root: it makes network namespaces and TAP devices" ;; esac
case "$verb" in
  up)
    [ -n "$prefix" ] || prefix=vtep-lab-$(printf '%04x%04x' $RANDOM $RANDOM)
    tools_are_there
    not_up_yet
    remove_in_the_end
    up
    trap - EXIT
    describe
    ;;
  run)
    [ -n "$prefix" ] || prefix=vtep-$$-$(start_time $$)-run
    tools_are_there
    sweep
    not_up_yet
    remove_in_the_end
    up
    describe
    while :; do
      for file in "$(notes "$prefix")"/*.pid; do
        [ -f "$file" ] || continue
        read -r pid started <"$file"
        [ "$(start_time "$pid")" = "$started" ] || { cat "${file%.pid}.log" >&2; die "vtep has ended"; }
      done
      sleep 1 &
      wait $! || true
    done
    ;;
  down)
    if [ -z "$prefix" ]; then
      found=()
      for path in /run/netns/vtep-lab-*-b; do [ -e "$path" ] && path=${path##*/} && found+=("${path%-b}"); done
      case ${#found[@]} in
        0) exit 0 ;;
        1) prefix=${found[0]} ;;
        *) die "several are up, say which with --prefix: ${found[*]}" ;;
      esac
    fi
    down "$prefix"
    ;;
  sweep) sweep ;;
  *)
    sed -n '/^#   two-hosts/,/^set /{/^#/s/^# \{0,1\}//p}' "$0" >&2
    exit 2
    ;;
esac
