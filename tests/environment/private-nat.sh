#!/bin/bash
# A network of one's own with a real NAT in it: two network namespaces, a cable between them, and nftables' masquerade.
#
#   private-nat.sh COMMAND …   runs the command outside the NAT and ends with the command's exit code;
#                              77 when this machine does not let it make namespaces
#
# The command finds:
#
#   PULT_NAT_OUTSIDE=198.18.0.1    the address on its own side
#   PULT_NAT_WITHIN=192.168.77.5   the address of a host behind the NAT
#   PULT_NAT_NAMESPACE             that host: `ip netns exec $PULT_NAT_NAMESPACE …`
#
# The NAT gives ports by chance and forgets a way over UDP after half a minute, as the boxes at people's homes do.
# Whatever was made ends with the command. Nothing outside the two namespaces is touched.
set -eu
outside=pult-outside-$$
within=pult-within-$$

cannot() { echo "no private NAT: $1" >&2; exit 77; }
[ "$(id -u)" = 0 ] || cannot "only root makes network namespaces"
command -v ip >/dev/null || cannot "ip is not installed (Debian: iproute2)"
command -v nft >/dev/null || cannot "nft is not installed (Debian: nftables)"

cleanup() {
  trap - EXIT INT TERM HUP
  for namespace in "$within" "$outside"; do
    ip netns pids "$namespace" 2>/dev/null | xargs --no-run-if-empty kill 2>/dev/null || true
    ip netns del "$namespace" 2>/dev/null || true
  done
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

{
  ip netns add "$outside" && ip netns add "$within" &&
  ip link add outside netns "$outside" type veth peer name within netns "$within" &&
  ip -n "$outside" link set lo up && ip -n "$within" link set lo up &&
  ip -n "$outside" addr add 198.18.0.1/24 dev outside && ip -n "$outside" link set outside up &&
  ip -n "$within" addr add 198.18.0.2/24 dev within && ip -n "$within" link set within up &&
  ip -n "$within" addr add 192.168.77.5/32 dev lo &&
  ip netns exec "$within" nft -f - <<'RULES' &&
table ip nat {
  chain leaving {
    type nat hook postrouting priority srcnat;
    ip saddr 192.168.77.0/24 masquerade random
  }
}
RULES
  ip netns exec "$within" sh -c 'cd /proc/sys/net/netfilter && echo 30 >nf_conntrack_udp_timeout &&
    echo 30 >nf_conntrack_udp_timeout_stream'
} || cannot "the system refuses"

export PULT_NAT_OUTSIDE=198.18.0.1 PULT_NAT_WITHIN=192.168.77.5 PULT_NAT_NAMESPACE="$within"
ip netns exec "$outside" "$@"
