/** Outer packets and outputs in words. */
import { formatIp } from '../../iproute/address.js';
import { IPPROTO_UDP } from '../../wire/ip-protocol.js';
import { IPV4_DST, IPV4_HEADER, IPV4_SRC, ipVersion, ipv4HeaderLength, ipv4Protocol } from '../../wire/ipv4.js';
import { IPV6_DST, IPV6_HEADER, IPV6_SRC, ipv6NextHeader } from '../../wire/ipv6.js';
import { UDP_HEADER, udpDstPort, udpSrcPort } from '../../wire/udp.js';
import { VXLAN_HEADER, vxlanVni } from '../../wire/vxlan.js';

/** What an IP packet's outer headers say. */
export interface OuterWords {
  readonly source: string;
  readonly destination: string;
  /** Where it is UDP. */
  readonly ports?: { readonly source: number; readonly destination: number };
  /** Where it is long enough for a VXLAN header. */
  readonly vni?: number;
}

/** Undefined where the bytes are no IP packet. */
export function outerWords(bytes: Uint8Array): OuterWords | undefined {
  const isFour = bytes.length >= IPV4_HEADER && ipVersion(bytes, 0) === 4;
  const isSix = bytes.length >= IPV6_HEADER && ipVersion(bytes, 0) === 6;
  if (!isFour && !isSix) return undefined;
  const width = isFour ? 4 : 16;
  const address = (at: number): string => formatIp(bytes.slice(at, at + width));
  const source = address(isFour ? IPV4_SRC : IPV6_SRC);
  const destination = address(isFour ? IPV4_DST : IPV6_DST);
  const udp = isFour ? ipv4HeaderLength(bytes, 0) : IPV6_HEADER;
  const protocol = isFour ? ipv4Protocol(bytes, 0) : ipv6NextHeader(bytes, 0);
  if (protocol !== IPPROTO_UDP || bytes.length < udp + UDP_HEADER) return { source, destination };
  const ports = { source: udpSrcPort(bytes, udp), destination: udpDstPort(bytes, udp) };
  const vxlan = udp + UDP_HEADER;
  const vni = bytes.length >= vxlan + VXLAN_HEADER ? { vni: vxlanVni(bytes, vxlan) } : {};
  return { source, destination, ports, ...vni };
}

/** Where something left, in one sentence. */
export function outputSentence(device: string, kind: 'frame' | 'packet', bytes: Uint8Array, of: string): string {
  if (kind === 'packet') {
    const outer = outerWords(bytes);
    const vni = outer?.vni === undefined ? '' : `, VNI ${outer.vni}`;
    const to = outer ? ` to ${outer.destination} port ${outer.ports?.destination ?? 0}${vni}` : '';
    return `${device} sends it into the tunnel${to}: ${bytes.length} bytes with the outer headers`;
  }
  const size = `${bytes.length} bytes`;
  if (of === 'vxlan') return `to the host's stack at ${device}: ${size}`;
  if (of === 'host') return `out of the host's interface ${device}: ${size}`;
  return `to the host on ${device}: ${size}`;
}
