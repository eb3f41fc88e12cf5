/**
 * The engine of a worker over real devices in a namespace of the process's own, turned by hand: a UDP socket on
 * loopback that a peer has filled before the engine looks, and a TAP that the host has filled. So batches are as
 * large as the code makes them, whatever else the machine has to do, and the same work is done in every run.
 *
 *      peer's socket ──► lo ──► engine's socket ──► rules ──► tap0 (nobody listens)
 *      peer's socket ◄── lo ◄── engine's sockets ◄── rules ◄── tap0 ◄── packet socket
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { AT_INGRESS } from '../../src/actions/outlet.js';
import type { Rule } from '../../src/classifier/classifier.js';
import { KeyWord } from '../../src/classifier/flow-key.js';
import { createLookup } from '../../src/classifier/open-lookup.js';
import { TupleSpaceTable } from '../../src/classifier/tuple-space/tuple-space-table.js';
import { ENGINE_ARENA_BYTES, Engine, MESSAGES } from '../../src/dataplane/engine.js';
import {
  type HookRule,
  OFFLOADS,
  programsOf,
  redirect,
  ruleOf,
  set,
  TAP0,
  unset,
  VXLAN0,
} from '../../src/dataplane/harness.test.helper.js';
import { DATAGRAMS } from '../../src/dataplane/transmit.js';
import { DeviceKind, DeviceTable } from '../../src/devices/device-table.js';
import { closeTap, openTap, type Tap } from '../../src/io/tap/open-tap.js';
import { TapPort } from '../../src/io/tap/tap-port.js';
import { addressWords, Endpoint, LOOPBACK4 } from '../../src/io/testing/loopback.js';
import { closeUdpSockets, openUdpSockets, type UdpSockets } from '../../src/io/udp/sockets.js';
import { UdpUnderlay } from '../../src/io/udp/underlay.js';
import { Arena } from '../../src/memory/arena.js';
import { ActionCounters, Counters, WorkCounter } from '../../src/memory/counters.js';
import { TUNNEL_CSUM, TUNNEL_KEY } from '../../src/memory/tunnel.js';
import { must } from '../../src/native/errno.js';
import { bindSocket, close, send, setsockopt, socket, unshare } from '../../src/native/libc.js';
import { NativeBuffer } from '../../src/native/scratch.js';
import { CLONE_NEWNET, SOCK_CLOEXEC, SOCK_RAW } from '../../src/native/socket-constants.js';
import { OFFLOAD_USO4, OFFLOAD_USO6 } from '../../src/offload/offloads.js';

const AF_PACKET = 17;
const SOL_PACKET = 263;
const PACKET_VNET_HDR = 15;
/** struct virtio_net_hdr as packet sockets take it: without num_buffers. */
const VNET_BYTES = 10;
const SOCKADDR_LL_BYTES = 20;

/** Moves this thread into a fresh namespace where nothing speaks that the scenarios did not ask. */
export function enterQuietNamespace(): void {
  must(unshare(CLONE_NEWNET), 'unshare');
  for (const which of ['all', 'default']) {
    try {
      writeFileSync(`/proc/sys/net/ipv6/conf/${which}/disable_ipv6`, '1');
    } catch {
      // a kernel without IPv6 is as quiet
    }
  }
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
}

/** What a kernel counter of this namespace (/proc/net/snmp) says of IP packets that came to somebody. */
function packetsDelivered(): number {
  const lines = readFileSync('/proc/thread-self/net/snmp', 'utf8').split('\n');
  const [names, values] = lines.filter((line) => line.startsWith('Ip:')).map((line) => line.split(' '));
  return Number(values?.[names?.indexOf('InDelivers') ?? -1]);
}

/** Calls of the read and write family (not recvmmsg and sendmmsg) that this thread has made (proc(5), /proc/PID/io). */
function readsAndWrites(): { reads: number; writes: number } {
  const text = readFileSync('/proc/thread-self/io', 'utf8');
  return { reads: Number(/^syscr: (\d+)$/m.exec(text)?.[1]), writes: Number(/^syscw: (\d+)$/m.exec(text)?.[1]) };
}

/** Filters for 100 tunnels that are not used, in five masks, around the one that is. */
function rules(): HookRule[] {
  const vni = (n: number) => ({ [KeyWord.ENC_KEY_ID]: n });
  const others = Array.from({ length: 100 }, (_, n): HookRule => {
    const matches = [
      vni(100 + n),
      { ...vni(100 + n), [KeyWord.IP_PROTO]: 6 },
      { ...vni(100 + n), [KeyWord.IP_PROTO]: 6, [KeyWord.DST_PORT]: 5201 },
      { ...vni(100 + n), [KeyWord.DST_IP]: 0x0a000002 },
      { ...vni(100 + n), [KeyWord.DST_IP]: 0x0a000002, [KeyWord.SRC_IP]: 0x0a000001 },
    ];
    return { device: VXLAN0, pref: 1 + (n % 5), match: matches[n % 5] ?? {}, actions: [unset(), redirect(TAP0)] };
  });
  return [
    ...others,
    { device: VXLAN0, pref: 3, match: vni(4), actions: [unset(), redirect(TAP0)] },
    { device: TAP0, actions: [set(0), redirect(VXLAN0)] },
  ];
}

/** Work for each packet; less is better. */
export type Work = Readonly<Record<string, number>>;

export class WorkLink {
  readonly engine: Engine;
  readonly #counters = new Counters();
  readonly #peer = new Endpoint(4);
  /** What it sends one by one shall arrive so. */
  readonly #singly = new Endpoint(4, {}, false);
  readonly #sockets: UdpSockets;
  readonly #underlay: UdpUnderlay;
  readonly #tap: Tap;
  readonly #toTap: number;

  constructor() {
    const arena = new Arena(ENGINE_ARENA_BYTES + 2 * 1024 * 1024);
    const devices = new DeviceTable();
    const actionCounters = new ActionCounters();
    actionCounters.grow();
    this.#tap = openTap({ name: 'tap0' });
    execFileSync('ip', ['link', 'set', 'tap0', 'up']);
    const index = interfaceIndex('tap0');
    for (const device of [VXLAN0, TAP0]) {
      devices.add(device, device === VXLAN0 ? DeviceKind.VXLAN : DeviceKind.TAP, device === TAP0 ? index : 1000);
      devices.setMtu(device, 1450);
      devices.setReservedBits(device, 0xf7ffffff, 0xff);
      devices.setMac(device, Uint8Array.of(2, 0, 0, 0, 0, device));
      devices.setUp(device, true);
    }
    this.#sockets = openUdpSockets({
      family: 4,
      port: 0,
      local: LOOPBACK4,
      receiveBuffer: 8 << 20,
      sendBuffer: 4 << 20,
      sourcePorts: 8,
    });
    const offloads = OFFLOADS | (this.takesUdpSuperFrames ? OFFLOAD_USO4 | OFFLOAD_USO6 : 0);
    this.engine = new Engine(arena, devices, this.#counters, actionCounters);
    this.#underlay = new UdpUnderlay(arena, [this.#sockets], { receive: MESSAGES, send: DATAGRAMS });
    this.engine.underlays.set(VXLAN0, this.#underlay);
    this.engine.setPort(TAP0, new TapPort(arena, this.#tap.queues[0] ?? { readFd: -1, writeFd: -1 }), offloads);
    const all = rules();
    const [DST_IP = 0] = addressWords(LOOPBACK4);
    const toPeer = {
      FLAGS: TUNNEL_KEY | TUNNEL_CSUM,
      VNI: 4,
      DST_IP,
      FAMILY: 4,
      DST_PORT: this.#peer.sockets.port,
    };
    this.engine.usePrograms(programsOf(all, [toPeer]));
    for (const device of [VXLAN0, TAP0]) {
      const table = new TupleSpaceTable();
      const own = all.map((rule, id): [HookRule, Rule] => [rule, ruleOf(rule, id)]);
      for (const [rule, entry] of own) if (rule.device === device) table.insert(entry);
      this.engine.useRules(device, AT_INGRESS, createLookup(table.publish()));
    }
    this.#peer.record(0, this.#sockets.port);
    this.#singly.record(0, this.#sockets.port);
    this.#toTap = packetSocket('tap0');
  }

  /** Whether the TAP does, as from Linux 6.2 on. */
  get takesUdpSuperFrames(): boolean {
    return this.#tap.offloads.udp;
  }

  close(): void {
    close(this.#toTap);
    closeTap(this.#tap);
    closeUdpSockets(this.#sockets);
    this.#peer.close();
    this.#singly.close();
  }

  /** Datagrams of one length arrive, as bundles of `bundle` where it is more than 1, and are all dealt with. */
  receive(datagrams: readonly Uint8Array[], bundle = 1): Work {
    const before = packetsDelivered();
    const peer = bundle > 1 ? this.#peer : this.#singly;
    let messages = 0;
    for (let at = 0; at < datagrams.length; at += bundle) {
      const parts = datagrams.slice(at, at + bundle);
      peer.add(parts, 0, 0, bundle > 1 ? parts[0]?.length : 0);
      messages++;
      if (messages % 16 === 0 || at + bundle >= datagrams.length) {
        peer.send();
        const failed = peer.errnos().find((errno) => errno !== 0);
        if (failed !== undefined) throw new Error(`the peer could not send: errno ${failed}`);
        peer.clear();
        const deadline = Date.now() + 10_000;
        while (packetsDelivered() < before + messages) {
          if (Date.now() > deadline) throw new Error(`${packetsDelivered() - before} of ${messages} messages arrived`);
        }
      }
    }
    const { count, writes } = this.#during(() => {
      while (this.engine.serviceUnderlay(VXLAN0, 0) > 0);
    });
    const received = count('RECEIVED_DATAGRAMS');
    if (received !== datagrams.length) throw new Error(`${received} of ${datagrams.length} datagrams were received`);
    return {
      'receive calls a datagram': count('RECEIVE_CALLS') / received,
      'TAP writes a frame': writes / count('TAP_FRAMES_WRITTEN'),
      'lookups a datagram': count('LOOKUPS') / received,
      'probes a datagram': count('PROBES') / received,
    };
  }

  /** The host sends frames (with the virtio-net header of a packet socket), and they are all dealt with. */
  transmit(frames: readonly Uint8Array[]): Work {
    const buffer = new NativeBuffer(65536 + VNET_BYTES);
    for (const frame of frames) {
      buffer.bytes.set(frame);
      must(send(this.#toTap, buffer.address, frame.length, 0), 'send');
    }
    const messages = this.#underlay.messagesSent;
    const { count, reads } = this.#during(() => {
      while (this.engine.servicePort(TAP0) > 0);
    });
    const read = count('TAP_FRAMES_READ');
    if (read !== frames.length) throw new Error(`${read} of ${frames.length} frames were read`);
    const sent = count('SENT_DATAGRAMS');
    return {
      'TAP reads a frame': reads / read,
      'send calls a datagram': count('SEND_CALLS') / sent,
      'messages a datagram': (this.#underlay.messagesSent - messages) / sent,
      'lookups a frame': count('LOOKUPS') / read,
    };
  }

  /** What the counters grow by while something is done. */
  #during(work: () => void): { count: (name: keyof typeof WorkCounter) => number; reads: number; writes: number } {
    const values = () => Object.values(WorkCounter).map((counter) => this.#counters.workValue(counter));
    const overhead = readsAndWrites();
    const before = readsAndWrites();
    const own = before.reads - overhead.reads;
    const from = values();
    work();
    const to = values();
    const after = readsAndWrites();
    return {
      count: (name) => (to[WorkCounter[name]] ?? 0) - (from[WorkCounter[name]] ?? 0),
      reads: after.reads - before.reads - own,
      writes: after.writes - before.writes,
    };
  }
}

/** Asked of `ip`: /sys shows the namespace that it was mounted in, not this one. */
function interfaceIndex(device: string): number {
  return Number.parseInt(execFileSync('ip', ['-o', 'link', 'show', 'dev', device], { encoding: 'utf8' }), 10);
}

/** A packet socket on a device, whose frames begin with a virtio-net header. */
function packetSocket(device: string): number {
  const fd = must(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), 'socket(AF_PACKET)');
  const buffer = new NativeBuffer(SOCKADDR_LL_BYTES);
  buffer.view.setInt32(0, 1, true);
  must(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, buffer.address, 4), 'PACKET_VNET_HDR');
  buffer.view.setInt32(0, 0, true);
  buffer.view.setUint16(0, AF_PACKET, true);
  buffer.view.setInt32(4, interfaceIndex(device), true);
  must(bindSocket(fd, buffer.address, SOCKADDR_LL_BYTES), 'bind', device);
  return fd;
}
