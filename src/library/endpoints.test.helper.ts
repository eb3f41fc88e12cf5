import { buildFrame } from '../offload/test-frames.js';
import { Endpoint, type EndpointOptions } from './index.js';

/** An Ethernet frame that ends with the byte `n`. */
export const frame = (n: number): Uint8Array => buildFrame({ protocol: 'udp', payload: Uint8Array.of(n) });

export async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 20_000;
  while (!(await what())) {
    if (Date.now() > end) throw new Error('it did not come to that in time');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Rules of one side of a tunnel, between a TAP of the process and VNI 4 of the peer. */
export const side = (port: number, peer: number, more = ''): string => `
ip link add vxlan0 type vxlan external dstport ${port} local 127.0.0.1
ip link add tap0 type tap
tc qdisc add dev vxlan0 ingress
tc qdisc add dev tap0 ingress
tc filter add dev vxlan0 ingress protocol all pref 1 flower enc_key_id 4 ${more} action tunnel_key unset action mirred egress redirect dev tap0
tc filter add dev tap0 ingress protocol all pref 1 flower action tunnel_key set src_ip 127.0.0.1 dst_ip 127.0.0.1 id 4 dst_port ${peer} action mirred egress redirect dev vxlan0
ip link set vxlan0 up
ip link set tap0 up
`;

/** Two endpoints whose packets go from one to the other, in memory. */
export async function pair(more: EndpointOptions = {}): Promise<[Endpoint, Endpoint]> {
  const ends: Endpoint[] = [];
  const to = (n: number) => (packets: Uint8Array[]) => {
    for (const packet of packets) ends[n]?.deliver(packet);
  };
  for (const n of [1, 0]) ends.push(await Endpoint.open({ ...more, underlay: to(n) }));
  const [a, b] = ends;
  if (!a || !b) throw new Error('no pair');
  return [a, b];
}

/** What an endpoint has counted as dropped, by reason, over all of its devices. */
export async function dropsOf(endpoint: Endpoint): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { reason, count } of await endpoint.drops()) counts[reason] = (counts[reason] ?? 0) + count;
  return counts;
}
