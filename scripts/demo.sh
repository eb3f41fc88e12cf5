#!/usr/bin/env bash
# npm run demo: two hosts on this machine, a kernel VXLAN device on one, vtep on the other; ping and iperf3 between
# them, then what vtep's rules counted. Sets up and builds what is missing, removes everything at the end, also after
# Ctrl-C. About 20 seconds.
#   demo.sh [--mode wire|super] [--seconds N] [--endpoint vtep|kernel]
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$PATH:/usr/sbin:/sbin"

mode=wire seconds=5 endpoint=vtep
while [ $# -gt 1 ]; do
  case "$1" in
    --mode | --seconds | --endpoint) printf -v "${1#--}" '%s' "$2"; shift 2 ;;
    *) break ;;
  esac
done
[ $# -eq 0 ] || { echo "usage: demo.sh [--mode wire|super] [--seconds N] [--endpoint vtep|kernel]" >&2; exit 2; }

if [ "$(id -u)" != 0 ]; then
  echo "The demo makes network namespaces and TAP devices, which needs root. Try: sudo npm run demo" >&2
  exit 1
fi
if [ ! -c /dev/net/tun ]; then
  echo "There is no /dev/net/tun here. Try: modprobe tun; in a container, start it with --device /dev/net/tun" >&2
  exit 1
fi

# ---- progress: one line that changes on a terminal, a line each in a pipe --------------------------------------

begin=$SECONDS
shown=''
progress() { # TEXT [detail that only a terminal needs]
  if [ -t 1 ]; then
    printf '\r\033[K%3d s  %s  %s' "$((SECONDS - begin))" "$1" "${2:-}"
  elif [ "$1" != "$shown" ]; then
    printf '%3d s  %s\n' "$((SECONDS - begin))" "$1"
  fi
  shown=$1
}
clear_progress() { if [ -t 1 ]; then printf '\r\033[K'; fi; }

progress 'setting up and building'
if [ -t 1 ]; then echo; fi
bash scripts/setup.sh all
npx --no-install tsc --build
for tool in ip ping iperf3 ethtool; do
  command -v "$tool" >/dev/null || { echo "not installed: $tool" >&2; exit 1; }
done
ip netns list >/dev/null || { echo "network namespaces are not available here" >&2; exit 1; }

# ---- the hosts -------------------------------------------------------------------------------------------------

stat=$(<"/proc/$$/stat")
read -ra fields <<<"${stat##*) }"
prefix=vtep-$$-${fields[19]}-demo
children=()
clean_up() {
  trap '' INT TERM HUP
  for pid in "${children[@]}"; do kill "$pid" 2>/dev/null || true; done
  netns-scripts/two-hosts.sh down --prefix "$prefix"
}
trap clean_up EXIT
trap 'clear_progress; echo "stopped; removing everything" >&2; exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

progress "building two hosts: a kernel VXLAN device and $endpoint"
netns-scripts/two-hosts.sh sweep
declare -A name
facts=$(netns-scripts/two-hosts.sh up --env --prefix "$prefix" --mode "$mode" --endpoint "$endpoint")
while IFS='=' read -r key value; do name[$key]=$value; done <<<"$facts"
host_a() { ip netns exec "${name[HOST_A]}" "$@"; }
host_b() { ip netns exec "${name[HOST_B]}" "$@"; }

# ---- ping ------------------------------------------------------------------------------------------------------

progress 'ping, 50 round trips'
pinged=$(host_a ping -n -q -c 50 -i 0.02 -W 1 "${name[INNER_B]}" || true)
ping_result=$(sed -nE 's/^([0-9]+) packets transmitted, ([0-9]+) received.*/\2 of \1 came back/p' <<<"$pinged")
ping_time=$(sed -nE 's/.* = [0-9.]+\/([0-9.]+)\/.*/, \1 ms on average/p' <<<"$pinged")

# ---- iperf3 ----------------------------------------------------------------------------------------------------

iperf() { # TITLE [client options]: leaves the receiver's rate in $rate
  local title=$1 line server client
  shift
  rate=failed
  progress "$title"
  host_b iperf3 -s -1 -i 0 >/dev/null 2>&1 &
  server=$!
  children+=("$server")
  for _ in {1..50}; do
    host_b grep -q ':1451 ' /proc/net/tcp6 /proc/net/tcp 2>/dev/null && break # 5201, where it listens
    sleep 0.1
  done
  while read -r line; do
    if [[ $line =~ \ ([0-9.]+\ [KMGT]?bits/sec) ]]; then
      progress "$title" "${BASH_REMATCH[1]}"
      if [[ $line == *receiver ]]; then rate=${BASH_REMATCH[1]}; fi
    fi
  done < <(exec ip netns exec "${name[HOST_A]}" iperf3 -c "${name[INNER_B]}" -t "$seconds" -i 1 --forceflush \
    --connect-timeout 5000 "$@" 2>&1)
  client=$!
  wait "$client" || rate=failed
  if [ "$rate" = failed ]; then kill "$server" 2>/dev/null || true; fi
  wait "$server" 2>/dev/null || true
  children=()
}

iperf "iperf3, host A sends, $endpoint receives"
receive=$rate
iperf "iperf3, $endpoint sends, host A receives" -R
transmit=$rate

# ---- what came of it -------------------------------------------------------------------------------------------

rules='' counted='' drops=''
if [ "$endpoint" = vtep ]; then
  progress 'reading the counters'
  rules=$(host_b bin/vtep tc -s filter show dev vxlan0 ingress)
  counted=$(awk '/^\taction order/ { action = $4 == "" ? $3 : $4; sub(/:$/, "", action) }
    /^\tSent/ { bytes[$2 " bytes in " $4 " packets"]++ }
    END { for (text in bytes) if (bytes[text] > 1) print text }' <<<"$rules" | sort -t' ' -k1,1nr | head -n 1)
  drops=$(host_b bin/vtep drops)
fi
clear_progress
if [ -n "$rules" ]; then
  printf '\n$ vtep tc -s filter show dev vxlan0 ingress\n%s\n\n$ vtep drops\n%s\n' "$rules" "$drops"
fi
if [ "$mode" = wire ]; then frames='packets of wire size'; else frames='plain veth, super-frames'; fi
row() { printf '  %-34s %s\n' "$1" "$2"; }
printf '\n'
row 'VXLAN, VNI 4, inner MTU 1450' "host A: ${name[PEER]}, host B: $endpoint, $frames"
row 'ping' "${ping_result:-failed}$ping_time"
row "TCP, host A to $endpoint" "$receive"
row "TCP, $endpoint to host A" "$transmit"
if [ -n "$counted" ]; then row 'counted alike by both actions' "$counted"; fi
row 'time' "$((SECONDS - begin)) s; every namespace and device is removed now"
printf '\n'
case "$receive$transmit" in *failed*) exit 1 ;; esac
