/**
 * npm run bench -- strict-peers: what `--strict-peers` costs a datagram, in the pipeline over devices in memory. There are no
 * system calls, which are most of what a datagram costs, so shares are the worst there can be. The variants take
 * turns, and each figure is the median of its rounds.
 */
import { AT_INGRESS } from '../../src/actions/outlet.js';
import { createLookup } from '../../src/classifier/open-lookup.js';
import { TupleSpaceTable } from '../../src/classifier/tuple-space/tuple-space-table.js';
import { ENGINE_ARENA_BYTES, Engine } from '../../src/dataplane/engine.js';
import {
  OFFLOADS,
  programsOf,
  redirect,
  ruleOf,
  TAP0,
  VXLAN0,
  vxlan,
} from '../../src/dataplane/harness.test.helper.js';
import { type Peer, peerWords } from '../../src/dataplane/peer-table.js';
import { DeviceKind, DeviceTable } from '../../src/devices/device-table.js';
import { Arena } from '../../src/memory/arena.js';
import { ActionCounters, Counters } from '../../src/memory/counters.js';
import type { ReceivedDatagrams } from '../../src/memory/received.js';
import { TUNNEL_WORDS, TunnelWord } from '../../src/memory/tunnel.js';
import { buildFrame, noise } from '../../src/offload/test-frames.js';
import { LeanPort, LeanUnderlay, Stock } from '../../test/alloc/lean-devices.js';

const BATCH = 32;
const ROUNDS = 41;
const BATCHES_A_ROUND = 600;
/** The first of the addresses that peers have: 10.0.0.0. */
const FIRST = 0x0a000000;

/** Each batch comes from the next of so many peers. */
class PeersUnderlay extends LeanUnderlay {
  private readonly peers: number;
  private next = 0;

  constructor(stock: Stock, peers: number) {
    super(stock);
    this.peers = peers;
  }

  override receive(which: number, batch: ReceivedDatagrams): number {
    const count = super.receive(which, batch);
    const source = FIRST + (this.next++ % this.peers);
    for (let n = 0; n < count; n++) batch.tunnels[n * TUNNEL_WORDS + TunnelWord.SRC_IP] = source;
    return count;
  }
}

/** Peers of one address each, or of prefixes of four lengths, of which the last is the one that matches. */
function peersOf(count: number, lengths: number): Peer[] {
  return Array.from({ length: count }, (_, n) => {
    const bits = 32 - (n % lengths);
    const mask = Int32Array.of(bits === 32 ? -1 : -1 << (32 - bits), 0, 0, 0);
    return { family: 4, address: Int32Array.of((FIRST + n) & (mask[0] ?? 0), 0, 0, 0), mask };
  });
}

interface Variant {
  readonly name: string;
  readonly peers: number;
  /** Undefined: anybody may send. */
  readonly lengths?: number;
}

const VARIANTS: readonly Variant[] = [
  { name: 'off', peers: 1 },
  { name: '1 peer', peers: 1, lengths: 1 },
  { name: '1,000 peers', peers: 1000, lengths: 1 },
  { name: '1,000 peers, four lengths of prefix', peers: 1000, lengths: 4 },
];

const TRAFFIC: readonly (readonly [string, () => Uint8Array[]])[] = [
  [
    'TCP of one flow in trains (1,400 bytes)',
    () =>
      Array.from({ length: BATCH }, (_, n) =>
        vxlan(4, buildFrame({ sequence: 1000 + n * 1348, id: n, payload: noise(1348, n) })),
      ),
  ],
  [
    'UDP of 32 flows (64 bytes)',
    () =>
      Array.from({ length: BATCH }, (_, n) =>
        vxlan(4, buildFrame({ protocol: 'udp', sourcePort: 1000 + n, payload: noise(64, n) })),
      ),
  ],
];

function engineOf(datagrams: readonly Uint8Array[], { peers, lengths }: Variant): Engine {
  const arena = new Arena(ENGINE_ARENA_BYTES + 1024 * 1024);
  const devices = new DeviceTable();
  const actionCounters = new ActionCounters();
  actionCounters.grow();
  for (const device of [VXLAN0, TAP0]) {
    devices.add(device, device === VXLAN0 ? DeviceKind.VXLAN : DeviceKind.TAP, 100 + device);
    devices.setMtu(device, 1450);
    devices.setReservedBits(device, 0xf7ffffff, 0xff);
    devices.setMac(device, Uint8Array.of(2, 0, 0, 0, 0, device));
    devices.setUp(device, true);
  }
  const engine = new Engine(arena, devices, new Counters(), actionCounters);
  engine.underlays.set(VXLAN0, new PeersUnderlay(new Stock(arena, datagrams), peers));
  engine.setPort(TAP0, new LeanPort(new Stock(arena, [])), OFFLOADS);
  const rule = { device: VXLAN0, actions: [redirect(TAP0)] };
  engine.usePrograms(programsOf([rule]));
  const table = new TupleSpaceTable();
  table.insert(ruleOf(rule, 0));
  engine.useRules(VXLAN0, AT_INGRESS, createLookup(table.publish()));
  if (lengths !== undefined) {
    engine.peers.isOn = true;
    engine.peers.use(VXLAN0, peerWords(peersOf(peers, lengths), undefined));
  }
  return engine;
}

/** Nanoseconds a datagram. */
function round(engine: Engine): number {
  const begin = performance.now();
  for (let n = 0; n < BATCHES_A_ROUND; n++) engine.serviceUnderlay(VXLAN0, 0);
  return ((performance.now() - begin) * 1e6) / (BATCHES_A_ROUND * BATCH);
}

function median(figures: readonly number[]): number {
  return [...figures].sort((a, b) => a - b)[figures.length >> 1] ?? Number.NaN;
}

export async function benchStrictPeers(words: readonly string[]): Promise<number> {
  if (words.length > 0) {
    process.stderr.write('usage: npm run bench -- strict-peers\n');
    return 2;
  }
  for (const [traffic, datagrams] of TRAFFIC) {
    const engines = VARIANTS.map((variant) => engineOf(datagrams(), variant));
    const figures = VARIANTS.map((): number[] => []);
    for (const engine of engines) round(engine); // warm
    for (let n = 0; n < ROUNDS; n++)
      engines.forEach((_, v) => {
        const which = (v + n) % engines.length;
        const engine = engines[which];
        if (engine) figures[which]?.push(round(engine));
      });
    const off = median(figures[0] ?? []);
    process.stdout.write(`${traffic}, ns a datagram without system calls:\n`);
    VARIANTS.forEach(({ name }, v) => {
      const figure = median(figures[v] ?? []);
      const more = v === 0 ? '' : `   ${figure >= off ? '+' : '-'}${Math.abs(figure - off).toFixed(1)}`;
      process.stdout.write(`  ${name.padEnd(38)}${figure.toFixed(1).padStart(8)}${more}\n`);
    });
  }
  return 0;
}
