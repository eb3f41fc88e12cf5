/**
 * Opening what super-frames are handed to the kernel through (tunnel-gso.ts): a TAP, the settings that have the host
 * forward what is written to it, and a proof that it does. Control path.
 *
 * The proof is a small super-frame in a VXLAN tunnel to an address that for this moment is routed back into the TAP:
 * it comes out again where the kernel knows such frames and forwards them, and no filter rule keeps it. The addresses
 * are the IPv4 dummy address (RFC 7600), one of TEST-NET-1 (RFC 5737) and two of the discard prefix (RFC 6666).
 */
import { Arena } from '../../memory/arena.js';
import { GSO_TCPV4 } from '../../memory/packets.js';
import { TUNNEL_CSUM, TUNNEL_WORDS, TunnelWord } from '../../memory/tunnel.js';
import { DatagramVector } from '../../memory/vectors.js';
import { ENOENT, SystemError } from '../../native/errno.js';
import { close, ioctl, read } from '../../native/libc.js';
import { scratch } from '../../native/scratch.js';
import {
  TUN_F_CSUM,
  TUN_F_TSO_ECN,
  TUN_F_TSO4,
  TUN_F_TSO6,
  TUN_F_UDP_TUNNEL_GSO,
  TUN_F_UDP_TUNNEL_GSO_CSUM,
  TUN_F_USO4,
  TUN_F_USO6,
  TUNSETOFFLOAD,
  TUNSETVNETHDRSZ,
  TunnelVnetHeader,
} from '../../native/tun-constants.js';
import { i32 } from '../../wire/bytes.js';
import { fold } from '../../wire/checksum.js';
import { ETHERTYPE_IPV4 } from '../../wire/ether-type.js';
import { ETH_HEADER } from '../../wire/ethernet.js';
import { IPPROTO_TCP } from '../../wire/ip-protocol.js';
import { emitIpv4, IPV4_HEADER } from '../../wire/ipv4.js';
import { emitTcp, TCP_HEADER } from '../../wire/tcp.js';
import { VXLAN_HEADER } from '../../wire/vxlan.js';
import { RtnetlinkClient } from '../rtnetlink/client.js';
import { closeTap, openTap, type Tap } from '../tap/open-tap.js';
import {
  addRoute,
  deleteRoute,
  forwardIpv4,
  forwardIpv6,
  setUpSilently,
  sourceFilterOfAll,
} from './host-forwarding.js';
import { OUTER_BYTES_IPV4, OUTER_BYTES_IPV6 } from './outer-frame.js';
import { TUNNEL_GSO_BYTES, TunnelGso, type TunnelGsoParts } from './tunnel-gso.js';

const OFFLOADS =
  TUN_F_CSUM |
  TUN_F_TSO4 |
  TUN_F_TSO6 |
  TUN_F_TSO_ECN |
  TUN_F_USO4 |
  TUN_F_USO6 |
  TUN_F_UDP_TUNNEL_GSO |
  TUN_F_UDP_TUNNEL_GSO_CSUM;

/** From and to these the proof goes. */
const PROOF_FROM = {
  4: Uint8Array.of(192, 0, 0, 8),
  6: Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2),
} as const;
const PROOF_TO = {
  4: Uint8Array.of(192, 0, 2, 1),
  6: Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
} as const;
const PROOF_PORT = 4789;
const PROOF_SEGMENT = 500;
const PROOF_PAYLOAD = 3 * PROOF_SEGMENT;
const PROOF_ROOM = 8192;

/** What became of an attempt to open it. */
export interface TunnelGsoOpening {
  /** Absent where super-frames can go this way over neither IPv4 nor IPv6. */
  readonly parts?: TunnelGsoParts;
  /** Name of the TAP. */
  readonly name?: string;
  /** Why over IPv4, or IPv6, or at all they cannot, a sentence each without its end. */
  readonly refusals: readonly string[];
}

/** Opens it as far as this host has it; whoever called closes `parts.fd`, and the TAP ends with that. */
export function openTunnelGso(tunPath: string): TunnelGsoOpening {
  let tap: Tap;
  try {
    tap = openTap({ name: 'vtepgso%d', tunPath });
  } catch (error) {
    return { refusals: [`a TAP for super-frames cannot be made: ${messageOf(error)}`] };
  }
  const rtnetlink = new RtnetlinkClient();
  try {
    const opening = prepare(tap, rtnetlink);
    if (opening.parts === undefined) closeTap(tap);
    return opening;
  } catch (error) {
    closeTap(tap);
    return { refusals: [`the TAP for super-frames cannot be set up: ${messageOf(error)}`] };
  } finally {
    rtnetlink.close();
  }
}

/** What of it this host has, and what not and why; leaves nothing behind. */
export function probeTunnelGso(tunPath: string): { families: readonly (4 | 6)[]; refusals: readonly string[] } {
  const { parts, refusals } = openTunnelGso(tunPath);
  if (parts !== undefined) close(parts.fd);
  return { families: parts?.families ?? [], refusals };
}

function prepare(tap: Tap, rtnetlink: RtnetlinkClient): TunnelGsoOpening {
  const [fd = -1] = tap.fds;
  scratch.view.setInt32(0, TunnelVnetHeader.SIZE, true);
  if (ioctl(fd, TUNSETVNETHDRSZ, scratch.address) < 0 || ioctl(fd, TUNSETOFFLOAD, OFFLOADS) < 0)
    return { refusals: ['the kernel cuts no super-frames in tunnels for a TAP (Linux 6.17 and later do)'] };
  const link = rtnetlink.links().find(({ name }) => name === tap.name);
  if (link === undefined) throw new SystemError('RTNETLINK', ENOENT, tap.name);
  setUpSilently(rtnetlink, link.index);
  const all = { fd, ifindex: link.index, address: link.address };
  const families: (4 | 6)[] = [];
  const refusals: string[] = [];
  for (const family of [4, 6] as const) {
    const refusal = refusalOf(family, tap.name, rtnetlink, { ...all, families: [family] });
    if (refusal === undefined) families.push(family);
    else refusals.push(`the host forwards no super-frames over IPv${family}: ${refusal}`);
  }
  return families.length === 0 ? { refusals } : { parts: { ...all, families }, name: tap.name, refusals };
}

function refusalOf(family: 4 | 6, name: string, rtnetlink: RtnetlinkClient, parts: TunnelGsoParts): string | undefined {
  try {
    if (family === 4) {
      const filter = sourceFilterOfAll();
      if (filter !== undefined) return filter;
      forwardIpv4(rtnetlink, parts.ifindex, PROOF_FROM[4]);
    } else forwardIpv6(name);
    addRoute(rtnetlink, parts.ifindex, PROOF_TO[family]);
    try {
      return passes(family, parts) ? undefined : 'a trial was lost (a filter rule may keep what is forwarded)';
    } finally {
      deleteRoute(rtnetlink, parts.ifindex, PROOF_TO[family]);
    }
  } catch (error) {
    return messageOf(error);
  }
}

/** Whether a super-frame that is written comes back. */
function passes(family: 4 | 6, parts: TunnelGsoParts): boolean {
  const arena = new Arena(TUNNEL_GSO_BYTES + 2 * PROOF_ROOM + 65536);
  const gso = new TunnelGso(arena, parts);
  try {
    const vector = new DatagramVector(arena, 1, 4, PROOF_ROOM);
    const tunnels = new Int32Array(TUNNEL_WORDS);
    tunnels[TunnelWord.FAMILY] = family;
    tunnels[TunnelWord.FLAGS] = TUNNEL_CSUM;
    tunnels[TunnelWord.TTL] = 1;
    for (let at = 0; at < PROOF_TO[family].length; at += 4) {
      tunnels[TunnelWord.SRC_IP + at / 4] = i32(PROOF_FROM[family], at);
      tunnels[TunnelWord.DST_IP + at / 4] = i32(PROOF_TO[family], at);
    }
    const bytes = addSuperFrame(arena, vector);
    const errno = gso.send(vector, 0, tunnels, 0, PROOF_PORT, PROOF_PORT);
    if (errno !== 0) throw new SystemError('writev', errno);
    const whole = (family === 4 ? OUTER_BYTES_IPV4 : OUTER_BYTES_IPV6) + bytes;
    const room = arena.alloc(PROOF_ROOM);
    for (let frames = 0; frames < 64; frames++) {
      const length = read(parts.fd, arena.address(room), PROOF_ROOM);
      if (length < 0) return false;
      if (length === whole) return true;
    }
    return false;
  } finally {
    gso.close();
  }
}

/** Adds a TCP super-frame of three segments behind a VXLAN header; returns its bytes. */
function addSuperFrame(arena: Arena, vector: DatagramVector): number {
  const source = Uint8Array.of(192, 0, 2, 2);
  const destination = Uint8Array.of(192, 0, 2, 3);
  const network = VXLAN_HEADER + ETH_HEADER;
  const transport = network + IPV4_HEADER;
  const bytes = transport + TCP_HEADER + PROOF_PAYLOAD;
  const at = vector.headers.take(bytes);
  const frame = arena.u8;
  frame.fill(0, at, at + bytes);
  frame[at] = 0x08;
  frame[at + network - 2] = ETHERTYPE_IPV4 >> 8;
  const length = TCP_HEADER + PROOF_PAYLOAD;
  const ip = { tos: 0, id: 0, ttl: 64, dontFragment: true, moreFragments: false, fragmentOffset: 0, checksum: 0 };
  const options = new Uint8Array(0);
  emitIpv4(
    { ...ip, protocol: IPPROTO_TCP, totalLength: IPV4_HEADER + length, source, destination, options },
    frame,
    at + network,
  );
  const pseudo = 2 * 0xc000 + 2 * 0x0200 + 2 + 3 + IPPROTO_TCP + length;
  const ports = { sourcePort: PROOF_PORT, destinationPort: PROOF_PORT };
  const tcp = { seq: 0, ack: 0, flags: 0x10, window: 0, checksum: fold(pseudo), urgent: 0, options };
  emitTcp({ ...ports, ...tcp }, frame, at + transport);
  vector.iovecs.add(at, bytes);
  vector.iovecStart[0] = 0;
  vector.iovecCount[0] = 1;
  vector.segments[0] = 3;
  vector.gsoType[0] = GSO_TCPV4;
  vector.gsoSize[0] = PROOF_SEGMENT;
  vector.innerNetwork[0] = network;
  vector.innerTransport[0] = transport;
  vector.innerPayload[0] = transport + TCP_HEADER;
  vector.count = 1;
  return bytes;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
