/** Frames that floods are made of, as hex. Every checksum that anybody verifies is right; the outer UDP one is 0. */
import { finish } from '../../../src/wire/checksum.js';
import { type Host, INNER, MAC_A, MAC_B } from '../../netns/topology.js';

export interface Endpoints {
  readonly from: string;
  readonly to: string;
  readonly fromMac: string;
  readonly toMac: string;
}

/** From host A to host B within the tunnel, and the other way. */
export const A_TO_B: Endpoints = { from: INNER[4].a, to: INNER[4].b, fromMac: MAC_A, toMac: MAC_B };
export const B_TO_A: Endpoints = { from: INNER[4].b, to: INNER[4].a, fromMac: MAC_B, toMac: MAC_A };

/** UDP port of the datagrams within. */
export const SINK_PORT = 7200;
const VXLAN_PORT = 4789;
/** Bytes before the VXLAN header of an encapsulated frame: its VNI, and the inner source MAC, stand this far behind. */
export const OUTER = 14 + 20 + 8;
export const VNI_AT = OUTER + 4;
export const INNER_SOURCE_AT = OUTER + 8 + 6;

function mac(text: string): Buffer {
  return Buffer.from(text.replaceAll(':', ''), 'hex');
}

function sumOf(bytes: Buffer, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += (bytes[i] ?? 0) << (((i - from) & 1) === 0 ? 8 : 0);
  return sum;
}

/** A UDP datagram within IPv4 and Ethernet. */
export function datagram(
  { from, to, fromMac, toMac }: Endpoints,
  ports: readonly [number, number],
  payload: Buffer,
  checksum = true,
): Buffer {
  const head = Buffer.alloc(42);
  mac(toMac).copy(head, 0);
  mac(fromMac).copy(head, 6);
  head.writeUInt16BE(0x0800, 12);
  head.writeUInt16BE(0x4500, 14);
  head.writeUInt16BE(28 + payload.length, 16);
  head.writeUInt16BE(0x4011, 22);
  Buffer.from(from.split('.').map(Number)).copy(head, 26);
  Buffer.from(to.split('.').map(Number)).copy(head, 30);
  head.writeUInt16BE(finish(sumOf(head, 14, 34)), 24);
  head.writeUInt16BE(ports[0], 34);
  head.writeUInt16BE(ports[1], 36);
  head.writeUInt16BE(8 + payload.length, 38);
  const whole = Buffer.concat([head, payload]);
  if (checksum) {
    const sum = sumOf(whole, 26, 42) + 17 + 8 + payload.length + sumOf(whole, 42, whole.length);
    whole.writeUInt16BE(finish(sum) || 0xffff, 40);
  }
  return whole;
}

/** A frame within VXLAN. */
export function encapsulated(outer: Endpoints, sourcePort: number, vni: number, frame: Buffer): Buffer {
  const header = Buffer.from([0x08, 0, 0, 0, vni >> 16, (vni >> 8) & 0xff, vni & 0xff, 0]);
  return datagram(outer, [sourcePort, VXLAN_PORT], Buffer.concat([header, frame]), false);
}

/** 64 bytes of payload from `flows` flows, as they come in at host B's underlay: outer and inner source ports differ. */
export function tunnelFlows(outer: Endpoints, flows: number, inner = A_TO_B, vni = 4): string[] {
  return Array.from({ length: flows }, (_, flow) => {
    const frame = datagram(inner, [10_000 + flow, SINK_PORT], Buffer.alloc(64, flow));
    return encapsulated(outer, 49_152 + (Math.imul(flow + 1, 0x9e3779b1) >>> 18), vni, frame).toString('hex');
  });
}

/** The MAC address of a device of a host. */
export async function linkMac(host: Host, device: string): Promise<string> {
  const [link] = JSON.parse(await host.do(`ip -j link show dev ${device}`)) as { address: string }[];
  if (link === undefined) throw new Error(`no ${device}`);
  return link.address;
}
