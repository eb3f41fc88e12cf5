/**
 * What the conformance suite runs on: each underlay on one end of a veth, a UDP socket on the other.
 *
 *   this namespace   cw0 10.55.0.1, fd55::1 ── veth ── cw1 10.55.0.2, fd55::2   another namespace
 */

import { must } from '../../native/errno.js';
import { close, sendmmsg, socket } from '../../native/libc.js';
import { NativeBuffer } from '../../native/scratch.js';
import { AF_INET, AF_INET6, SOCK_RAW } from '../../native/socket-constants.js';
import { Iovec, Msghdr, SockaddrIn, SockaddrIn6 } from '../../native/structs.js';
import { finish } from '../../wire/checksum.js';
import { Capture } from '../pcap/capture.js';
import { PcapUnderlay } from '../pcap/underlay.js';
import { openRawSockets } from '../raw/sockets.js';
import { RawUnderlay } from '../raw/underlay.js';
import { enterFreshNamespace, ip, OtherNamespace } from '../testing/namespace.js';
import { closeUdpSockets, openUdpSockets } from '../udp/sockets.js';
import { UdpUnderlay } from '../udp/underlay.js';
import type { Bench, UnderlayCase } from './cases.js';
import { FAKE_SOURCE_PORTS, LinkedFake } from './linked-fake.js';
import { CAPACITY, Station } from './station.js';

const OURS = { 4: Uint8Array.of(10, 55, 0, 1), 6: Uint8Array.of(0xfd, 0x55, ...new Uint8Array(13), 1) } as const;
const PEERS = { 4: Uint8Array.of(10, 55, 0, 2), 6: Uint8Array.of(0xfd, 0x55, ...new Uint8Array(13), 2) } as const;
/** Documentation prefixes (RFC 5737, RFC 3849): nobody routes them. */
const NOWHERE = {
  4: Uint8Array.of(203, 0, 113, 1),
  6: Uint8Array.of(0x20, 1, 0xd, 0xb8, ...new Uint8Array(12)),
} as const;
const PORT = 4789;
const PEER_PORT = 4788;
const SOURCE_PORTS = [40000, 41000] as const;
const BUFFER = 4 << 20;

export type UnderlayName = 'udp' | 'raw' | 'pcap' | 'fake';

export interface OpenBench {
  readonly bench: Bench;
  close(): Promise<void>;
}

let elsewhere: OtherNamespace | undefined;

/** Builds the wire, once in a process. */
export function buildWire(): void {
  enterFreshNamespace();
  elsewhere = new OtherNamespace();
  const other = elsewhere;
  ip('link add cw0 type veth peer name cw1');
  ip(`link set cw1 netns ${other.path}`);
  const addresses = (dev: string, n: number): void => {
    ip(`link set ${dev} up`);
    ip(`addr add 10.55.0.${n}/24 dev ${dev}`);
    ip(`addr add fd55::${n}/64 dev ${dev} nodad`);
  };
  addresses('cw0', 1);
  other.inside(() => {
    ip('link set lo up');
    addresses('cw1', 2);
  });
}

/** Opens an underlay and its peer. */
export function openBench(
  name: UnderlayName,
  family: 4 | 6,
  { receiveBuffer = BUFFER, peerBundles = false }: Pick<UnderlayCase, 'receiveBuffer' | 'peerBundles'> = {},
): Promise<OpenBench> {
  if (name === 'fake') return Promise.resolve(fakeBench(family));
  return wireBench(name, family, receiveBuffer, peerBundles);
}

async function wireBench(
  name: 'udp' | 'raw' | 'pcap',
  family: 4 | 6,
  receiveBuffer: number,
  peerBundles: boolean,
): Promise<OpenBench> {
  const other = elsewhere;
  if (!other) throw new Error('there is no wire');
  const sockets = other.inside(() =>
    openUdpSockets({
      family,
      port: PEER_PORT,
      local: PEERS[family],
      receiveBuffer: BUFFER,
      sendBuffer: BUFFER,
      sourcePorts: 1,
    }),
  );
  const peer = { ...sockets, segmentation: sockets.segmentation && peerBundles };
  const { station, end } = await openStation(name, family, receiveBuffer);
  return {
    bench: {
      ...benchOf(family, station, new Station((arena) => new UdpUnderlay(arena, [peer], CAPACITY))),
      sourcePortCount: name === 'udp' ? 8 : 1000,
      sendByHand: (payload, isDamaged) => other.inside(() => sendByHand(family, payload, isDamaged)),
    },
    async close() {
      closeUdpSockets(sockets);
      await end();
    },
  };
}

function benchOf(family: 4 | 6, underlay: Station, peer: Station): Omit<Bench, 'sourcePortCount' | 'sendByHand'> {
  return {
    family,
    underlay,
    address: OURS[family],
    port: PORT,
    peer,
    peerAddress: PEERS[family],
    peerPort: PEER_PORT,
    sourcePorts: SOURCE_PORTS,
    unreachable: NOWHERE[family],
    mtu: 1500,
  };
}

async function openStation(
  name: 'udp' | 'raw' | 'pcap',
  family: 4 | 6,
  receiveBuffer: number,
): Promise<{ station: Station; end: () => Promise<void> }> {
  const common = { port: PORT, receiveBuffer, sendBuffer: BUFFER, sourcePortRange: SOURCE_PORTS };
  if (name === 'udp') {
    const sockets = openUdpSockets({ family, local: OURS[family], sourcePorts: 8, ...common });
    return {
      station: new Station((arena) => new UdpUnderlay(arena, [sockets], CAPACITY)),
      end: async () => closeUdpSockets(sockets),
    };
  }
  if (name === 'raw') {
    const sockets = openRawSockets({ families: [family], udp6ZeroChecksumReceive: false, ...common });
    return {
      station: new Station((arena) => new RawUnderlay(arena, sockets.families, CAPACITY)),
      end: async () => sockets.close(),
    };
  }
  const capture = await Capture.open({
    dev: 'cw0',
    port: PORT,
    receiveBuffer,
    udp6ZeroChecksum: false,
    log: () => undefined,
  });
  return {
    station: new Station((arena) => new PcapUnderlay(arena, capture.receiveFd, CAPACITY)),
    end: () => capture.close(),
  };
}

/** A datagram of which nobody else has computed anything, from a raw socket of the namespace that the thread is in. */
function sendByHand(family: 4 | 6, payload: Uint8Array, isDamaged: boolean): void {
  const four = family === 4;
  const fd = must(socket(four ? AF_INET : AF_INET6, SOCK_RAW, 17), 'socket');
  const memory = new NativeBuffer(8192);
  const [name, message, iovec, data] = [0, 64, 128, 192];
  memory.view.setUint16(name, four ? AF_INET : AF_INET6, true);
  memory.bytes.set(OURS[family], name + (four ? SockaddrIn.ADDRESS : SockaddrIn6.ADDRESS));
  for (const [n, half] of [5555, PORT, 8 + payload.length, 0].entries()) memory.view.setUint16(data + n * 2, half);
  memory.bytes.set(payload, data + 8);
  const pseudo = [...PEERS[family], ...OURS[family], 0, 17, ...memory.bytes.slice(data + 4, data + 6)];
  let sum = 0;
  for (const [i, byte] of [...pseudo, ...memory.bytes.slice(data, data + 8 + payload.length)].entries())
    sum += (i & 1) === 0 ? byte << 8 : byte;
  memory.view.setUint16(data + 6, finish(sum) ^ (isDamaged ? 0xbad : 0));
  memory.pointer(iovec + Iovec.BASE, memory, data);
  memory.view.setUint32(iovec + Iovec.LENGTH, 8 + payload.length, true);
  memory.pointer(message + Msghdr.NAME, memory, name);
  memory.view.setUint32(message + Msghdr.NAME_LENGTH, four ? SockaddrIn.SIZE : SockaddrIn6.SIZE, true);
  memory.pointer(message + Msghdr.IOV, memory, iovec);
  memory.view.setUint32(message + Msghdr.IOV_LENGTH, 1, true);
  must(sendmmsg(fd, memory.address + message, 1, 0), 'sendmmsg');
  close(fd);
}

function fakeBench(family: 4 | 6): OpenBench {
  const station = new Station((arena) => new LinkedFake(arena, OURS[family], PORT));
  const peer = new Station((arena) => new LinkedFake(arena, PEERS[family], PEER_PORT));
  const [ours, theirs] = [station.underlay as LinkedFake, peer.underlay as LinkedFake];
  ours.other = theirs;
  theirs.other = ours;
  const bench = {
    ...benchOf(family, station, peer),
    sourcePorts: FAKE_SOURCE_PORTS,
    sourcePortCount: 1000,
    sendByHand: (payload: Uint8Array, isDamaged: boolean) => {
      if (isDamaged) return;
      peer.record(0, OURS[family], PORT);
      peer.add([payload]);
      peer.send();
    },
  };
  return { bench, close: async () => undefined };
}
