// The datapath allocates nothing per packet. Both directions run over devices that allocate nothing themselves, warm,
// and the heap is asked. What remains is the time of day, one boxed number of 16 bytes a batch: 0.6 bytes a packet for
// the batches of 28 datagrams that arrive here, 2 for those of 8 frames that leave. The bound is far below the smallest
// thing that JavaScript can allocate, which is such a number.
import test, { type ExecutionContext } from 'ava';
import { AT_EGRESS, AT_INGRESS } from '../../src/actions/outlet.js';
import { PeditHeader, Verdict } from '../../src/actions/program.js';
import type { ClassifierTable, Lookup } from '../../src/classifier/classifier.js';
import { FlowCache } from '../../src/classifier/flow-cache/flow-cache.js';
import { KEY_WORDS, KeyWord } from '../../src/classifier/flow-key.js';
import { LinearTable } from '../../src/classifier/linear/linear-table.js';
import { createLookup } from '../../src/classifier/open-lookup.js';
import { TupleSpaceTable } from '../../src/classifier/tuple-space/tuple-space-table.js';
import { ENGINE_ARENA_BYTES, Engine } from '../../src/dataplane/engine.js';
import {
  csum,
  gact,
  type HookRule,
  mirror,
  OFFLOADS,
  pedit,
  policeMtu,
  popEth,
  programsOf,
  pushEth,
  redirect,
  ruleOf,
  set,
  TAP0,
  TAP1,
  TO_PEER,
  unset,
  VXLAN0,
  vlanPop,
  vlanPush,
  vxlan,
} from '../../src/dataplane/harness.test.helper.js';
import { DeviceKind, DeviceTable, VxlanMode } from '../../src/devices/device-table.js';
import { NTF_SELF, NUD_PERMANENT } from '../../src/devices/fdb-layout.js';
import { FdbRecords, type FdbRemote } from '../../src/devices/fdb-records.js';
import { Arena } from '../../src/memory/arena.js';
import { ActionCounters, Counters, DeviceCounter, WorkCounter } from '../../src/memory/counters.js';
import { TUNNEL_CSUM, TUNNEL_KEY, TUNNEL_WORDS, TunnelWord } from '../../src/memory/tunnel.js';
import { buildFrame, noise } from '../../src/offload/test-frames.js';
import { allocationOf, leastAllocationOf, steadyAllocationOf } from './allocation.js';
import { LeanPort, LeanUnderlay, Stock, WholeUnderlay } from './lean-devices.js';

/** Bytes a packet. */
const BOUND = 3;
const BATCHES = 2000;

const vni = (n: number) => ({ [KeyWord.ENC_KEY_ID]: n });
const RULES: readonly HookRule[] = [
  { device: VXLAN0, pref: 1, match: vni(4), actions: [unset(), redirect(TAP0)] },
  { device: VXLAN0, pref: 2, match: vni(5), actions: [mirror(TAP1), unset(), redirect(TAP0)] },
  { device: VXLAN0, pref: 3, match: vni(6), actions: [gact(Verdict.GOTO, 9)] },
  { device: VXLAN0, pref: 4, match: vni(7), actions: [gact(Verdict.SHOT)] },
  { device: VXLAN0, chain: 9, match: vni(6), actions: [gact(Verdict.CONTINUE)] },
  // Second masks, with which the flow cache has its table.
  { device: VXLAN0, pref: 5, match: { [KeyWord.IP_TTL]: 250 }, actions: [gact(Verdict.SHOT)] },
  { device: TAP0, match: { [KeyWord.IP_PROTO]: 6 }, actions: [set(0), redirect(VXLAN0)] },
  { device: TAP0, pref: 2, match: { [KeyWord.IP_TTL]: 250 }, actions: [gact(Verdict.SHOT)] },
];

const REWRITE = [vlanPush(5), pedit(PeditHeader.NETWORK, 16, 0, 0x0a000009), csum(0x7f), vlanPop(), policeMtu(70_000)];
const REWRITING: readonly HookRule[] = [
  { device: VXLAN0, actions: [unset(), mirror(TAP1), ...REWRITE, redirect(TAP0)] },
  { device: TAP0, hook: AT_EGRESS, actions: [pedit(PeditHeader.ETH, 0, 0, 0x02000001), gact(Verdict.OK)] },
  { device: TAP0, actions: [...REWRITE, set(0), redirect(VXLAN0)] },
  { device: VXLAN0, hook: AT_EGRESS, match: vni(4), actions: [popEth(), pushEth(), gact(Verdict.PIPE)] },
];

/** What comes from the peer: runs of two flows that merge, plain frames, a drop, what is malformed, what nobody wants. */
function datagrams(): Uint8Array[] {
  const flow = (sourcePort: number, version: 4 | 6) =>
    Array.from({ length: 10 }, (_, n) =>
      buildFrame({ sourcePort, version, sequence: 1000 + n * 1000, id: n, payload: noise(1000, n) }),
    );
  return [
    ...flow(1, 4).map((frame) => vxlan(4, frame)),
    ...flow(2, 6).map((frame) => vxlan(5, frame)),
    vxlan(4, buildFrame({ protocol: 'udp' })),
    vxlan(4, buildFrame({ payload: noise(20000, 1), unfinished: true })),
    ...[6, 7, 8].map((n) => vxlan(n, buildFrame({}))),
    vxlan(4, buildFrame({}), 0),
    vxlan(4, buildFrame({}), 0x09),
    vxlan(4, buildFrame({}).slice(0, 20)),
  ];
}

/** What the host sends: frames, a super-frame, and one that no rule takes. */
function hostFrames(): Uint8Array[] {
  const frames = Array.from({ length: 6 }, (_, n) => buildFrame({ payload: noise(1000, n), unfinished: true }));
  const whole = buildFrame({ payload: noise(30000, 9), unfinished: true });
  return [...frames, whole, buildFrame({ protocol: 'udp', unfinished: true })];
}

interface Bench {
  readonly counters: Counters;
  readonly underlay: LeanUnderlay;
  readonly port: LeanPort;
  readonly receive: () => void;
  readonly transmit: () => void;
  /** Packets of a batch either way. */
  readonly received: number;
  readonly read: number;
}

function bench(table: () => ClassifierTable, all = RULES, fdb?: FdbRecords, Peer = LeanUnderlay): Bench {
  const arena = new Arena(ENGINE_ARENA_BYTES + 1024 * 1024);
  const devices = new DeviceTable();
  const actionCounters = new ActionCounters();
  actionCounters.grow();
  for (const device of [VXLAN0, TAP0, TAP1]) {
    devices.add(device, device === VXLAN0 ? DeviceKind.VXLAN : DeviceKind.TAP, 100 + device);
    devices.setMtu(device, 1450);
    devices.setReservedBits(device, 0xf7ffffff, 0xff);
    devices.setMac(device, Uint8Array.of(2, 0, 0, 0, 0, device));
    devices.setUp(device, true);
  }
  const counters = new Counters();
  const engine = new Engine(arena, devices, counters, actionCounters, undefined, fdb?.buffer);
  if (fdb) makeClassic(devices, fdb);
  const fromPeer = new Stock(arena, datagrams());
  const fromHost = new Stock(arena, hostFrames());
  const underlay = new Peer(fromPeer);
  const port = new LeanPort(fromHost);
  engine.underlays.set(VXLAN0, underlay);
  // TAP1 takes nothing unfinished or merged, so that whatever is done for such ports is done here too.
  engine.setPort(TAP0, port, OFFLOADS);
  engine.setPort(TAP1, new LeanPort(fromHost), 0);
  engine.setPort(VXLAN0, new LeanPort(fromHost), OFFLOADS);
  engine.usePrograms(programsOf(all, [TO_PEER]));
  for (const device of [VXLAN0, TAP0]) {
    for (const hook of [AT_INGRESS, AT_EGRESS]) {
      const rules = table();
      all.forEach((rule, id) => {
        if (rule.device === device && (rule.hook ?? AT_INGRESS) === hook) rules.insert(ruleOf(rule, id));
      });
      engine.useRules(device, hook, rules.size === 0 ? null : createLookup(rules.publish()));
    }
  }
  return {
    counters,
    underlay,
    port,
    received: fromPeer.count,
    read: fromHost.count,
    receive: () => {
      for (let n = 0; n < BATCHES; n++) engine.serviceUnderlay(VXLAN0, 0);
    },
    transmit: () => {
      for (let n = 0; n < BATCHES; n++) engine.servicePort(TAP0);
    },
  };
}

/** VXLAN0 becomes a device of VNI 4 that learns, and has a list of three peers for what it does not know. */
function makeClassic(devices: DeviceTable, fdb: FdbRecords): void {
  const defaults = new Int32Array(TUNNEL_WORDS);
  defaults[TunnelWord.FLAGS] = TUNNEL_KEY | TUNNEL_CSUM;
  defaults[TunnelWord.DST_PORT] = 4789;
  devices.setVxlan(VXLAN0, VxlanMode.CLASSIC | VxlanMode.LEARN, 4);
  fdb.setDevice(VXLAN0, 0, defaults);
  fdb.setOpen(VXLAN0, true);
  const remote = (n: number): FdbRemote => ({ address: Uint8Array.of(10, 0, 0, n), port: 4789, vni: 4, ifindex: 0 });
  const key = { device: VXLAN0, mac: new Uint8Array(6), vni: 4 };
  fdb.insert(key, NUD_PERMANENT, NTF_SELF, remote(1));
  for (const n of [2, 3]) fdb.append(key, remote(n));
}

/** Bytes a packet in each direction, once that is steady: no more than the bounds, if it can be had. */
function steady(t: ExecutionContext, { receive, transmit, received, read }: Bench, bounds: readonly [number, number]) {
  const [down, up] = bounds;
  const receiving = steadyAllocationOf(receive, down * BATCHES * received);
  const transmitting = steadyAllocationOf(transmit, up * BATCHES * read);
  const perPacket = [receiving.bytes / (BATCHES * received), transmitting.bytes / (BATCHES * read)] as const;
  t.log(`receive ${perPacket[0].toFixed(3)} bytes a packet, transmit ${perPacket[1].toFixed(3)}`);
  t.true(perPacket[0] <= down, `receive: ${perPacket[0]} bytes a packet`);
  t.true(perPacket[1] <= up, `transmit: ${perPacket[1]} bytes a packet`);
  return { receives: receiving.runs, transmits: transmitting.runs };
}

const TABLES: readonly (readonly [string, () => ClassifierTable])[] = [
  ['linear', () => new LinearTable()],
  ['tuple-space', () => new TupleSpaceTable()],
];

for (const [name, table] of TABLES) {
  test.serial(`nothing is allocated per packet in either direction, with the ${name} classifier`, (t) => {
    const engine = bench(table);
    const { underlay, port, receive, transmit } = engine;
    receive();
    transmit();
    // What happens in a batch is what is meant to happen.
    const before = { written: port.written, sent: underlay.sent };
    const { receives, transmits } = steady(t, engine, [BOUND, BOUND]);
    t.is(port.written - before.written, receives * BATCHES * (10 + 10 + 1 + 15));
    t.is(underlay.sent - before.sent, transmits * BATCHES * (6 + 22));
  });
}

/** Look-ups that allocate a little, each. */
class WastefulTable extends TupleSpaceTable {
  waste: { readonly chain: number } | undefined;

  /** Opens a snapshot as the datapath does, but for the waste. */
  open(): Lookup {
    const lookup = createLookup(this.publish());
    const find = lookup.find.bind(lookup);
    lookup.find = (key, at, chain, protocol, position) => {
      this.waste = { chain };
      return find(key, at, chain, protocol, position);
    };
    return lookup;
  }
}

test.serial('with the flow cache most frames are not looked up at all, and those that are allocate nothing', (t) => {
  const { counters, receive } = bench(() => new TupleSpaceTable());
  receive();
  const hits = counters.workValue(WorkCounter.CACHE_HITS);
  const misses = counters.workValue(WorkCounter.CACHE_MISSES);
  t.true(hits > 100 * misses, `${hits} hits, ${misses} misses`);
  t.true(misses > 0);
});

test.serial('one small object for each look-up behind a cache too small is found', (t) => {
  const cache = new FlowCache(new Counters(), 4);
  const table = new WastefulTable();
  RULES.forEach((rule, id) => {
    table.insert(ruleOf({ ...rule, pref: (rule.pref ?? 1) + id * 10 }, id));
  });
  const key = new Int32Array(KEY_WORDS);
  const look = (lookup: Lookup) => () => {
    for (let n = 0; n < 100_000; n++) {
      key[KeyWord.ENC_KEY_ID] = n % 97;
      lookup.find(key, 0, 0, 0x0800, 0);
    }
  };
  const thrifty = cache.before(createLookup(table.publish()), 0);
  const wasteful = cache.before(table.open(), 1);
  const without = steadyAllocationOf(look(thrifty), 0.5 * 100_000).bytes / 100_000;
  const put = leastAllocationOf(look(wasteful)).bytes / 100_000;
  t.log(`${without.toFixed(3)} bytes a look-up, ${put.toFixed(1)} with one object each`);
  t.true(without <= 0.5, `${without} bytes a look-up`);
  t.true(put > 8);
});

test.serial(
  'actions that rewrite frames, and the hooks behind them, allocate no more than the clock of police',
  (t) => {
    const engine = bench(() => new TupleSpaceTable(), REWRITING);
    const { counters, underlay, receive, transmit } = engine;
    receive();
    transmit();
    t.true(underlay.sent > 0 && counters.deviceValue(TAP0, DeviceCounter.TX_PACKETS) > 0, 'something got through');
    // One more number a batch, what the clock says when it is done with: of 8 frames here.
    steady(t, engine, [BOUND, BOUND + 2]);
  },
);

test.serial('one small object for each packet is found, in code that is optimised and has allocated nothing', (t) => {
  const engine = bench(() => new TupleSpaceTable());
  steady(t, engine, [BOUND, BOUND]);
  const { underlay, receive, received } = engine;
  underlay.wasteful = true;
  const bound = BOUND * BATCHES * received;
  const perPacket = steadyAllocationOf(receive, bound, 1000).bytes / (BATCHES * received);
  t.log(`${perPacket.toFixed(1)} bytes a packet`);
  t.true(perPacket > 8 * BOUND);
});

test.serial('one boxed number for each packet is found, the least that there is to be seen', (t) => {
  const engine = bench(() => new TupleSpaceTable());
  const { port, transmit, read } = engine;
  steady(t, engine, [BOUND, BOUND]);
  port.boxing = true;
  const perPacket = steadyAllocationOf(transmit, BOUND * BATCHES * read, 1000).bytes / (BATCHES * read);
  t.log(`${perPacket.toFixed(1)} bytes a packet`);
  t.true(perPacket > 4 * BOUND);
});

test.serial('what is collected meanwhile is counted too', (t) => {
  const each = 1024 * 8;
  let held: number[] = [];
  const { bytes, collections } = allocationOf(() => {
    for (let n = 0; n < 10_000; n++) held = new Array<number>(1024).fill(n);
  });
  t.is(held[0], 9999);
  t.true(collections > 0);
  t.true(bytes >= 10_000 * each && bytes < 10_000 * each * 1.1, `${bytes} bytes`);
});

test.serial('a classic device learns, looks up and replicates without allocating', (t) => {
  const fdb = new FdbRecords();
  const engine = bench(() => new LinearTable(), RULES, fdb);
  const { counters, underlay, receive, transmit } = engine;
  receive();
  transmit();
  t.is(underlay.sent % 3, 0);
  t.true(underlay.sent > 3 * BATCHES && counters.deviceValue(VXLAN0, DeviceCounter.RX_PACKETS) > BATCHES);
  t.is(fdb.list(VXLAN0).length, 6, 'the list, and the source that all frames have, in each VNI');
  steady(t, engine, [BOUND, BOUND]);
});

test.serial('super-frames that stay whole, and single frames that follow them, are sent without allocation', (t) => {
  const engine = bench(() => new TupleSpaceTable(), RULES, undefined, WholeUnderlay);
  const { counters, underlay, receive, transmit } = engine;
  receive();
  transmit();
  t.true(counters.workValue(WorkCounter.SENT_SUPER_FRAMES) > 0);
  const before = underlay.sent;
  const { transmits } = steady(t, engine, [BOUND, BOUND]);
  t.is(underlay.sent - before, transmits * BATCHES * (6 + 22));
});
