/** Traffic whose work per packet is held against the baseline. */
import { vxlan } from '../../src/dataplane/harness.test.helper.js';
import { VnetHeader } from '../../src/native/tun-constants.js';
import { buildFrame, concat, noise } from '../../src/offload/test-frames.js';
import type { Work, WorkLink } from './link.js';

const SEGMENT = 1398;
const GSO_TCPV4 = 1;

/** `count` TCP segments of `flows` flows in turn, in VXLAN datagrams of one length. */
function tcpDatagrams(count: number, flows: number): Uint8Array[] {
  return Array.from({ length: count }, (_, n) => {
    const k = Math.floor(n / flows);
    const payload = noise(SEGMENT, n);
    const frame = buildFrame({ sourcePort: 40000 + (n % flows), sequence: 1000 + k * SEGMENT, id: k, payload });
    return vxlan(4, frame);
  });
}

/** The same of UDP datagrams with 64 bytes of payload. */
function udpDatagrams(count: number, flows: number): Uint8Array[] {
  return Array.from({ length: count }, (_, n) =>
    vxlan(4, buildFrame({ protocol: 'udp', sourcePort: 10000 + (n % flows), id: n & 0xffff, payload: noise(64, n) })),
  );
}

/** A frame behind the header of a packet socket: its checksum unfinished, and a super-frame where it is long. */
function hostFrame(payload: Uint8Array, protocol: 'tcp' | 'udp'): Uint8Array {
  const frame = buildFrame({ payload, protocol, unfinished: true });
  const header = new Uint8Array(10);
  const view = new DataView(header.buffer);
  view.setUint8(VnetHeader.FLAGS, 1);
  view.setUint16(VnetHeader.CSUM_START, 34, true);
  view.setUint16(VnetHeader.CSUM_OFFSET, protocol === 'tcp' ? 16 : 6, true);
  if (payload.length > SEGMENT) {
    view.setUint8(VnetHeader.GSO_TYPE, GSO_TCPV4);
    view.setUint16(VnetHeader.HDR_LEN, frame.length - payload.length, true);
    view.setUint16(VnetHeader.GSO_SIZE, SEGMENT, true);
  }
  return concat(header, frame);
}

export const SCENARIOS: Readonly<Record<string, (link: WorkLink) => Work>> = {
  'receive TCP, 1 flow': (link) => link.receive(tcpDatagrams(1024, 1)),
  'receive TCP, 4 flows in turn': (link) => link.receive(tcpDatagrams(1024, 4)),
  'receive TCP in bundles of 32, 1 flow': (link) => link.receive(tcpDatagrams(2048, 1), 32),
  'receive UDP, 1 flow': (link) => link.receive(udpDatagrams(1024, 1)),
  'receive UDP, 1,000 flows': (link) => link.receive(udpDatagrams(1000, 1000)),
  'transmit TCP super-frames of 45 segments': (link) =>
    link.transmit(Array.from({ length: 64 }, (_, n) => hostFrame(noise(45 * SEGMENT, n), 'tcp'))),
  'transmit UDP frames of one flow': (link) =>
    link.transmit(Array.from({ length: 256 }, (_, n) => hostFrame(noise(64, n), 'udp'))),
};
