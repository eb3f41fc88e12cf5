// What is saved and given back is the same: on random endpoints, and with everything that may be wrong with a file.
import test from 'ava';
import fc from 'fast-check';
import { addRestored } from '../dataplane/restored-counts.js';
import { NTF_SELF, NUD_REACHABLE } from '../devices/fdb-layout.js';
import { FdbRecords } from '../devices/fdb-records.js';
import { actionKinds } from '../iproute/action-kinds.js';
import { CommandError } from '../iproute/commands.js';
import { ActionCounter, DeviceCounter } from '../memory/counters.js';
import { REASON, REASONS } from '../memory/reasons.js';
import { VniCounters } from '../memory/vni-counters.js';
import type { ActionInstance } from './action-table.js';
import {
  type ActionAges,
  type EndpointState,
  MOST_IDLE,
  type StateEndpoint,
  type StateMoment,
  statePieces,
  takeState,
} from './endpoint-state.js';
import { Bench } from './kit.test.helper.js';
import { parseState } from './parse-state.js';
import { type RestoreTarget, reportSentence, restoreState, ticksBetween } from './restore-state.js';
import { VniFilter, VniRows } from './vni-filter.js';

const NOW: StateMoment = { time: 1_000_000, uptime: 5000, boot: 'one' };

/** An endpoint of a vxlan device with VNIs of its own and two TAPs, whose frames are counted by the test. */
class Endpoint {
  readonly bench = new Bench();
  readonly fdb = new FdbRecords();
  readonly vniCounters = new VniCounters();
  readonly filter = new VniFilter(new VniRows([this.vniCounters]), {
    ...{ isInUse: () => false, redirect: () => {}, join: () => {}, leave: () => {} },
  });
  readonly hostQueues: [number, number][] = [];
  ageing = 300;

  constructor(lines: readonly string[], vnis: readonly number[] = []) {
    for (const line of lines) this.bench.tc(line);
    const options = { external: true, dstport: 4789, udpcsum: true, udp6zerocsumtx: false, udp6zerocsumrx: false };
    for (const vni of vnis) this.filter.add(options, [{ first: vni, last: vni }], undefined);
  }

  get source(): StateEndpoint {
    const { bench, fdb, filter } = this;
    return {
      devices: [...bench.devices.names].map(([name, index]) => ({ name, index, ...(name === 'vxlan0' && { filter }) })),
      rules: bench.rules,
      counters: bench.datapath.counters,
      actionCounters: bench.datapath.actionCounters,
      fdb,
      interfaceName: (ifindex) => (ifindex === 7 ? 'eth0' : undefined),
    };
  }

  get target(): RestoreTarget {
    const { bench, fdb } = this;
    return {
      ...this.source,
      fdb,
      findAction: (kind, index) => {
        const known = actionKinds.find((each) => each === kind);
        return known && bench.rules.actions.find(known, index);
      },
      interfaceIndex: (name) => (name === 'eth0' ? 7 : undefined),
      learns: ({ name }) => (name === 'vxlan0' ? this.ageing : undefined),
      restoreHostQueue: (index, packets) => {
        this.hostQueues.push([index, packets]);
        bench.datapath.counters.setReason(index, REASON['tap-queue-full'], packets);
      },
      addCounts: async (counts) =>
        addRestored(counts, bench.datapath.counters, bench.datapath.actionCounters, this.vniCounters),
    };
  }

  get filterActions(): ActionInstance[] {
    return [...this.bench.rules.blocks(0)].flatMap(([, block]) =>
      block.chainNumbers.flatMap((chain) => [...block.inMaskOrder(chain)].flatMap(({ actions }) => [...actions])),
    );
  }

  state(moment = NOW): EndpointState {
    return takeState(this.source, moment);
  }

  learn(last: number, address: readonly number[] = [10, 0, 0, 1], ifindex = 0): void {
    const mac = Uint8Array.from([2, 0, 0, 0, 0, last]);
    const remote = { address: Uint8Array.from(address), port: 4789, vni: 4, ifindex };
    this.fdb.insert({ device: 0, mac, vni: 4 }, NUD_REACHABLE, NTF_SELF, remote);
  }
}

const LINES = [
  'actions add action gact drop index 9',
  'qdisc add dev vxlan0 clsact',
  'qdisc add dev tap0 ingress',
  ...[1, 2, 3].map(
    (n) =>
      `filter add dev vxlan0 ingress protocol ip pref ${n} flower ip_proto tcp dst_port 80 action mirred egress redirect dev tap${n % 2}`,
  ),
  'filter add dev vxlan0 egress protocol all pref 1 flower action gact drop index 9',
  'filter add dev vxlan0 ingress protocol ip pref 1 chain 3 flower src_ip 10.0.0.0/8 action tunnel_key unset pipe action pass',
  'filter add dev tap0 ingress protocol all pref 4 flower action gact drop index 9',
];

const amount = fc.oneof(fc.constant(0), fc.nat(1000), fc.integer({ min: 0, max: 2 ** 50 }));

test('state, restore, state: the same, through the text, on random counts and entries', async (t) => {
  const device = fc.nat(2);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(device, fc.constantFrom(...Object.values(DeviceCounter)), amount), {
        maxLength: 20,
        size: 'max',
      }),
      fc.array(fc.tuple(device, fc.nat(REASONS.length - 1), amount), { maxLength: 20, size: 'max' }),
      fc.array(fc.tuple(fc.nat(9), fc.constantFrom(0, 1, 2, 3, 4, 7), amount), { maxLength: 20, size: 'max' }),
      fc.array(fc.tuple(fc.nat(2), fc.nat(7), amount), { maxLength: 9 }),
      fc.uniqueArray(fc.tuple(fc.nat(255), fc.nat(255), fc.nat(2900), fc.nat(2900), fc.boolean()), {
        selector: ([last]) => last,
        maxLength: 20,
        size: 'max',
      }),
      async (devices, reasons, actions, vnis, entries) => {
        const before = new Endpoint(LINES, [4, 5, 6]);
        const { counters, actionCounters } = before.bench.datapath;
        for (const [index, counter, by] of devices) counters.device(index, counter, by);
        for (const [index, reason, by] of reasons) counters.reason(index, reason, by);
        for (const [row, column, by] of actions) actionCounters.add(row, column, by);
        for (const [row, column, by] of vnis) before.vniCounters.add(row, column, by);
        for (const [last, peer, used, updated, via] of entries) {
          before.learn(last, [10, 1, 0, peer], via ? 7 : 0);
          before.fdb.setAges({ device: 0, mac: Uint8Array.from([2, 0, 0, 0, 0, last]), vni: 4 }, used, updated);
        }
        const taken = before.state();
        const read = parseState([...statePieces(taken)].join(''), 'x');
        t.deepEqual(read, taken, 'the text says the same');
        const after = new Endpoint(LINES, [4, 5, 6]);
        const report = await restoreState(read, after.target, NOW);
        t.deepEqual(report.unknown, { devices: 0, actions: 0, entries: 0 });
        t.is(report.entries, entries.length);
        const again = after.state();
        // A tenth of a second may have begun in between.
        const ageless = (state: EndpointState): object => ({
          ...state,
          fdb: [],
          actions: state.actions.map(({ ages: _ages, ...action }) => action),
        });
        t.deepEqual(ageless(again), ageless(read));
        for (const [n, { ages }] of again.actions.entries()) {
          for (const [name, age] of Object.entries(ages ?? {})) {
            const then = read.actions[n]?.ages?.[name as keyof ActionAges] ?? Number.NaN;
            t.true(age - then >= -1 && age - then <= 50, `${name}: ${then} … ${age}`);
          }
        }
        t.is(again.fdb.length, read.fdb.length);
        for (const [n, entry] of again.fdb.entries()) {
          const saved = read.fdb[n];
          const { used, updated, ...rest } = entry;
          const { used: usedThen = 0, updated: updatedThen = 0, ...restThen } = saved ?? ({} as Partial<typeof entry>);
          t.deepEqual(rest, restThen as typeof rest);
          t.true(used - usedThen >= 0 && used - usedThen <= 50, 'only the time between them has passed');
          t.true(updated - updatedThen >= 0 && updated - updatedThen <= 50);
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('what has gone on counting meanwhile is added to, not replaced', async (t) => {
  const before = new Endpoint(LINES);
  before.bench.datapath.counters.device(1, DeviceCounter.RX_PACKETS, 100);
  const after = new Endpoint(LINES);
  after.bench.datapath.counters.device(1, DeviceCounter.RX_PACKETS, 3);
  await restoreState(before.state(), after.target, NOW);
  t.is(after.bench.datapath.counters.deviceValue(1, DeviceCounter.RX_PACKETS), 103);
});

test('an action goes on growing older: since it was made, and since packets met it first and last', async (t) => {
  const before = new Endpoint(LINES);
  const { actionCounters } = before.bench.datapath;
  const now = before.bench.rules.actions.now();
  const [idle, met] = before.bench.rules.actions.ownActions().concat(before.filterActions);
  t.true(idle !== undefined && met !== undefined);
  if (!idle || !met) return;
  for (const action of [idle, met]) action.wasInstalled(now - 500_000);
  actionCounters.hit(met.row, 1, 84, now - 400_000);
  actionCounters.hit(met.row, 1, 84, now - 30_000);
  const state = before.state();
  const after = new Endpoint(LINES);
  const seen = async (moment: StateMoment, from = state): Promise<object[]> => {
    await restoreState(from, after.target, moment);
    const { actions } = after.bench.rules;
    return [...actions.ownActions(), ...after.filterActions]
      .slice(0, 2)
      .map((action) => actions.state(action).statistics)
      .map(({ installed, lastUsed, firstUsed }) => ({ installed, lastUsed, ...(firstUsed && { firstUsed }) }));
  };
  const later = { ...NOW, uptime: NOW.uptime + 60_000 };
  const [first, second] = await seen(later);
  const near = (found: object | undefined, wanted: Record<string, number>): void => {
    t.deepEqual(Object.keys(found ?? {}), Object.keys(wanted));
    for (const [name, seconds] of Object.entries(found ?? {})) {
      t.true(seconds >= (wanted[name] ?? 0) && seconds <= (wanted[name] ?? 0) + 5, `${name} ${seconds}`);
    }
  };
  near(first, { installed: 560, lastUsed: 560 });
  near(second, { installed: 560, lastUsed: 90, firstUsed: 460 });
  // What happens from now on is younger, and the first time stays the first.
  after.bench.datapath.actionCounters.hit(met.row, 1, 84, after.bench.rules.actions.now());
  near((await seen(later))[1], { installed: 560, lastUsed: 0, firstUsed: 460 });
  // Longer ago than the machine runs.
  const old = {
    ...state,
    actions: state.actions.map((action) => ({ ...action, ages: { installed: 1e12, used: 9e11, firstUsed: 1e12 } })),
  };
  near((await seen(NOW, old))[1], { installed: 1e11, lastUsed: 0, firstUsed: 1e11 });
  // A file of an earlier vtep says nothing of ages.
  const younger = { ...state, actions: state.actions.map(({ ages: _ages, ...action }) => action) };
  const fresh = new Endpoint(LINES);
  const report = await restoreState(parseState([...statePieces(younger)].join(''), 'x'), fresh.target, later);
  t.is(report.unknown.actions, 0);
  t.true((fresh.bench.rules.actions.state(fresh.filterActions[0] ?? idle).statistics.installed ?? 99) < 5);
});

test('of very many actions only those are kept that packets have met', (t) => {
  const endpoint = new Endpoint(LINES);
  const { actions } = endpoint.bench.rules;
  const few = endpoint.state().actions.length;
  t.is(few, actions.size);
  endpoint.bench.datapath.actionCounters.add(1, ActionCounter.PACKETS, 1);
  Object.defineProperty(actions, 'size', { value: MOST_IDLE + 1 });
  t.is(endpoint.state().actions.length, 1);
});

test('what is not there any more, or says something else, is left, counted and said', async (t) => {
  const before = new Endpoint(LINES);
  const { actionCounters, counters } = before.bench.datapath;
  for (let row = 0; row < 8; row++) actionCounters.add(row, ActionCounter.PACKETS, row + 1);
  counters.device(2, DeviceCounter.RX_PACKETS, 1);
  before.learn(1);
  before.learn(2, [10, 0, 0, 2], 7);
  const state = before.state();
  const bound = state.actions.length;
  // One filter matches something else, one sends elsewhere, one has gone, and so has a device.
  const lines = LINES.map((line) =>
    line.replace('pref 1 flower ip_proto tcp dst_port 80', 'pref 1 flower ip_proto tcp dst_port 81'),
  )
    .map((line) =>
      line.includes('pref 2 ') ? line.replace('dev tap0', 'dev tap1').replace('redirect', 'mirror') : line,
    )
    .filter((line) => !line.includes('chain 3'));
  const after = new Endpoint(lines);
  const target = { ...after.target, interfaceIndex: () => undefined };
  const devices = target.devices.filter(({ name }) => name !== 'tap1');
  const report = await restoreState(state, { ...target, devices }, NOW);
  t.is(report.actions, bound - 4);
  t.deepEqual(report.unknown, { devices: 1, actions: 4, entries: 1 });
  t.is(
    reportSentence(report),
    `2 devices, ${bound - 4} actions and 1 forwarding entry go on from there; not here any more: 1 device, 4 actions and 1 forwarding entry`,
  );
  t.is(after.bench.datapath.actionCounters.value(1, ActionCounter.PACKETS), 0);
});

test('an entry has grown older by the time in between, and is forgotten where that was long', async (t) => {
  const before = new Endpoint(LINES);
  before.learn(1);
  before.fdb.setAges({ device: 0, mac: Uint8Array.from([2, 0, 0, 0, 0, 1]), vni: 4 }, 100, 1000);
  const state = before.state();
  const later = (seconds: number): StateMoment => ({ ...NOW, time: NOW.time, uptime: NOW.uptime + seconds * 1000 });
  const after = new Endpoint(LINES);
  await restoreState(state, after.target, later(60));
  const [entry] = after.fdb.list(0);
  t.true(entry !== undefined && entry.updated >= 1600 && entry.updated < 1650, `${entry?.updated}`);
  t.true(entry !== undefined && entry.used >= 700 && entry.used < 750, `${entry?.used}`);
  const late = new Endpoint(LINES);
  const report = await restoreState(state, late.target, later(200));
  t.deepEqual([report.entries, report.aged], [0, 1]);
  t.regex(reportSentence(report), /; 1 entry aged meanwhile$/);
  t.deepEqual(late.fdb.list(0), []);
});

test('the time in between is that of the clock that does not jump, or of the wall behind a restart of the machine', (t) => {
  const then: StateMoment = { time: 1000, uptime: 5000, boot: 'a' };
  t.is(ticksBetween(then, { time: -1e9, uptime: 7000, boot: 'a' }), 20);
  t.is(ticksBetween(then, { time: 4000, uptime: 10, boot: 'b' }), 30);
  t.is(ticksBetween(then, { time: 0, uptime: 10, boot: 'b' }), 0, 'a clock that went back is no time');
  t.is(ticksBetween({ ...then, boot: '' }, { time: 4000, uptime: 5000, boot: '' }), 30);
});

test('an entry that was heard of since is younger, and stays so; one that people made is not made here', async (t) => {
  const before = new Endpoint(LINES);
  before.learn(1);
  before.fdb.setAges({ device: 0, mac: Uint8Array.from([2, 0, 0, 0, 0, 1]), vni: 4 }, 900, 900);
  const made = { device: 0, mac: Uint8Array.from([2, 0, 0, 0, 0, 9]), vni: 4 };
  const remote = { address: Uint8Array.from([10, 0, 0, 1]), port: 4789, vni: 4, ifindex: 0 };
  before.fdb.insert(made, 0x80, NTF_SELF | 0x100, remote);
  const after = new Endpoint(LINES);
  after.learn(1);
  const report = await restoreState(before.state(), after.target, NOW);
  const [only, ...others] = after.fdb.list(0);
  t.deepEqual(others, []);
  t.true((only?.updated ?? 900) < 100);
  t.is(report.unknown.entries, 1);
});

test('a device that learns nothing, or is full, is given nothing', async (t) => {
  const before = new Endpoint(LINES);
  before.learn(1);
  const state = before.state();
  const after = new Endpoint(LINES);
  t.is((await restoreState(state, { ...after.target, learns: () => undefined }, NOW)).unknown.entries, 1);
  const full = new Endpoint(LINES);
  full.fdb.setDevice(0, 1, new Int32Array(16));
  full.learn(7);
  t.is((await restoreState(state, full.target, NOW)).unknown.entries, 1);
  t.is(full.fdb.list(0).length, 1);
});

const GOOD = [...statePieces(new Endpoint(LINES).state())].join('');

function refusalOf(text: string): string {
  try {
    parseState(text, 'FILE');
  } catch (error) {
    if (error instanceof CommandError) return error.message;
    throw error;
  }
  return '';
}

for (const [what, text, said] of [
  ['nothing of ours', 'ip link add tap0 type tap\n', 'this is no state that vtep save --state has written'],
  ['JSON of somebody else', '{"version":1}', 'this is no state that vtep save --state has written'],
  ['null', 'null', 'this is no state that vtep save --state has written'],
  ['a later version', GOOD.replace('"version":1', '"version":2'), 'the state is of version 2, and this vtep reads 1'],
  ['half of it', GOOD.slice(0, GOOD.length / 2), 'the state is damaged: '],
  ['a negative amount', GOOD.replace('"uptime":5000', '"uptime":-1'), 'the state is damaged: uptime is no amount'],
  [
    'a list that is none',
    GOOD.replace(/"actions":\[[\s\S]*?\]/, '"actions":{}'),
    'the state is damaged: actions is no list',
  ],
  [
    'a count that is text',
    GOOD.replace('"name":"tap0","counters":{}', '"name":"tap0","counters":{"rx_bytes":"1"}'),
    'the state is damaged: devices[1].counters.rx_bytes is no amount',
  ],
  [
    'an age that is none',
    GOOD.replace(/"ages":{"installed":\d+/, '"ages":{"installed":-1'),
    'the state is damaged: actions[0].ages.installed is no amount',
  ],
  [
    'an address that is none',
    GOOD.replace(
      '"fdb":[]',
      '"fdb":[{"dev":"vxlan0","mac":"02:00","vni":1,"state":2,"flags":2,"used":0,"updated":0,"remotes":[]}]',
    ),
    'the state is damaged: fdb[0].mac is no MAC address',
  ],
] as const) {
  test(`a file that holds ${what} is refused, with its place`, (t) => {
    const message = refusalOf(text);
    t.true(message.startsWith(`vtep: FILE: ${said}`), message);
    t.true(message.endsWith('; remove it to begin anew'), message);
  });
}

test('whatever is wrong with a file is a refusal, and never an exception', (t) => {
  const bytes = fc.tuple(fc.nat(GOOD.length - 1), fc.string({ maxLength: 3 }), fc.nat(3));
  fc.assert(
    fc.property(fc.array(bytes, { minLength: 1, maxLength: 4 }), (edits) => {
      let text = GOOD;
      for (const [at, more, less] of edits) text = text.slice(0, at) + more + text.slice(at + less);
      t.notThrows(() => refusalOf(text));
    }),
    { numRuns: 300 },
  );
});
