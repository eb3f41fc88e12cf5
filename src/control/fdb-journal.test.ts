// Tables and VNI filters that a transaction takes back, against what they were: any lines, with what workers learn.
import test from 'ava';
import fc from 'fast-check';
import { NTF_SELF, NUD_REACHABLE } from '../devices/fdb-layout.js';
import { type FdbListed, FdbRecords } from '../devices/fdb-records.js';
import type { VxlanOptions } from '../iproute/commands.js';
import { parseLine } from '../iproute/parse.js';
import { VniCounter, VniCounters } from '../memory/vni-counters.js';
import { adoptTable, editTable, type TableDevice, TableDrafts, type TableEdit } from './device-tables.js';
import { Forwarding } from './forwarding.js';
import { VniFilter, VniRows } from './vni-filter.js';

function optionsOf(line: string): VxlanOptions {
  const command = parseLine('ip', ['link', 'add', 'v', 'type', 'vxlan', ...line.split(' ')]);
  if (command.kind !== 'link-add-vxlan') throw new Error(command.kind);
  return command.vxlan;
}

const OPTIONS = optionsOf('external vnifilter remote 10.0.0.44 dstport 4790');

class Bench {
  readonly table = new FdbRecords();
  readonly counters = new VniCounters();
  readonly rows = new VniRows([this.counters]);
  readonly told: string[] = [];
  readonly device: TableDevice;
  readonly forwarding: Forwarding;
  readonly joined: string[] = [];

  constructor() {
    const device: { index: number; name: string; vxlan: VxlanOptions; filter?: VniFilter } = {
      ...{ index: 2, name: 'v', vxlan: OPTIONS },
    };
    this.device = device;
    this.forwarding = new Forwarding(this.table, { device: () => device, links: { link: () => undefined } });
    this.forwarding.close();
    this.forwarding.onChange = (change) => void this.told.push(change.type);
    device.filter = new VniFilter(this.rows, {
      isInUse: () => false,
      redirect: (vni, before, after) => this.forwarding.redirect(device, vni, before, after),
      join: (group) => void this.joined.push(`${group}`),
      leave: (group) => void this.joined.splice(this.joined.indexOf(`${group}`), 1),
    });
    this.forwarding.begin(device);
  }

  /** Carries out a line; false where it is refused. */
  do(line: string): boolean {
    try {
      editTable(this.forwarding, this.device, parseLine('bridge', line.split(' ')) as TableEdit);
      return true;
    } catch {
      return false;
    }
  }

  learn(mac: number): void {
    const key = { device: 2, mac: Uint8Array.of(2, 0, 0, 0, 0, mac), vni: 10 };
    const remote = { address: Uint8Array.of(10, 9, 9, mac), port: 4790, vni: 0, ifindex: 0 };
    this.table.insert(key, NUD_REACHABLE, NTF_SELF, remote);
  }

  begin(): void {
    this.forwarding.journal.open();
    this.rows.hold();
  }

  rollBack(before: ReturnType<VniFilter['snapshot']>): void {
    this.device.filter?.restore(OPTIONS, before);
    this.forwarding.journal.rollBack();
    this.rows.release();
  }

  /** All but ages, in the order of the list. */
  get state(): unknown {
    const plain = ({ used: _, updated: __, ...rest }: FdbListed): unknown => rest;
    const listed = this.table.list(2).map((record) => plain(this.table.get(record) ?? { ...record, serial: -1 }));
    return [listed, this.device.filter?.states('v'), [...this.joined].sort()];
  }
}

const mac = fc.oneof(
  fc.constantFrom('00:00:00:00:00:00', '01:00:5e:00:00:01'),
  fc.nat({ max: 4 }).map((n) => `02:00:00:00:00:0${n}`),
);
const line = fc.oneof(
  fc
    .tuple(fc.constantFrom('add', 'append', 'replace', 'del'), mac, fc.nat({ max: 4 }), fc.constantFrom(10, 11))
    .map(([verb, address, n, vni]) => `fdb ${verb} ${address} dev v dst 10.0.0.${n + 1} src_vni ${vni}`),
  fc
    .tuple(mac, fc.constantFrom('static', 'dynamic'))
    .map(([m, state]) => `fdb replace ${m} dev v dst 10.0.0.9 src_vni 10 ${state}`),
  mac.map((address) => `fdb del ${address} dev v src_vni 10`),
  fc.constantFrom('fdb flush dev v', 'fdb flush dev v permanent', 'fdb flush dev v nopermanent'),
  fc.constantFrom('vni add vni 10-12 dev v', 'vni delete vni 11 dev v', 'vni delete vni 10 dev v'),
  fc.constantFrom(
    'vni add vni 11 remote 10.0.0.7 dev v',
    'vni add vni 10 remote 10.0.0.8 dev v',
    'vni add vni 30 dev v',
  ),
);

test('any lines that are taken back leave table and filter as they were, order, counters and what was learned too', (t) => {
  const lines = fc.array(line, { maxLength: 12 });
  fc.assert(
    fc.property(lines, fc.array(fc.nat({ max: 4 }), { maxLength: 4 }), lines, (first, learned, tried) => {
      const bench = new Bench();
      for (const each of first) bench.do(each);
      for (const each of learned) bench.learn(each);
      for (const { vni } of bench.device.filter?.states('v') ?? []) {
        const row = bench.device.filter?.taken.find(([number]) => number === vni)?.[1] ?? -1;
        bench.counters.add(row, VniCounter.RX_BYTES, vni * 100);
      }
      const before = bench.state;
      const filter = bench.device.filter?.snapshot() ?? new Map();
      bench.told.length = 0;
      bench.begin();
      for (const each of tried) bench.do(each);
      bench.rollBack(filter);
      t.deepEqual(bench.state, before);
      t.deepEqual(bench.told, []);
      // Rows that came back are nobody else's, and those that did not are free.
      t.true(bench.do('vni add vni 100-110 dev v'));
      const rows = bench.device.filter?.taken.map(([, row]) => row) ?? [];
      t.is(new Set(rows).size, rows.length);
      t.deepEqual(Math.max(...rows), rows.length - 1);
    }),
    { numRuns: 150 },
  );
});

test('a device that is made anew and taken back has its table again', (t) => {
  const bench = new Bench();
  bench.do('fdb append 00:00:00:00:00:00 dev v dst 10.0.0.1');
  bench.learn(1);
  const before = bench.state;
  bench.begin();
  bench.forwarding.end(bench.device);
  bench.forwarding.begin(bench.device);
  bench.forwarding.journal.rollBack();
  t.deepEqual(bench.state, before);
});

test('what is learned meanwhile stays, where no line was about it', (t) => {
  const bench = new Bench();
  bench.begin();
  bench.do('fdb add 02:00:00:00:00:02 dev v dst 10.0.0.1 src_vni 10');
  bench.learn(1);
  bench.forwarding.journal.rollBack();
  t.deepEqual(
    bench.table.list(2).map((record) => record.mac[5]),
    [1, 0],
  );
});

test('what is kept is told of at the end', (t) => {
  const bench = new Bench();
  bench.told.length = 0;
  bench.begin();
  bench.do('fdb add 02:00:00:00:00:02 dev v dst 10.0.0.1');
  t.deepEqual(bench.told, []);
  bench.forwarding.journal.keep();
  t.deepEqual(bench.told, ['changed']);
});

test('an entry that comes back is as old as it would be', (t) => {
  const bench = new Bench();
  bench.do('fdb add 02:00:00:00:00:02 dev v dst 10.0.0.1');
  const [entry] = bench.table.list(2);
  if (!entry) throw new Error('no entry');
  const old = bench.table.get(entry);
  if (!old) throw new Error('no entry');
  bench.table.remove(entry);
  bench.table.putBack({ ...old, used: 700, updated: 300 }, bench.table.time() - 50);
  const back = bench.table.get(entry);
  t.true(back !== undefined && back.used >= 750 && back.used < 1000 && back.updated >= 350 && back.updated < 600);
});

test('a state that is adopted leaves what is learned alone, and what is so already untouched', (t) => {
  const bench = new Bench();
  const draft = new TableDrafts({ link: () => undefined }).begin('v', OPTIONS);
  for (const each of ['vni add vni 10 dev v', 'fdb add 02:00:00:00:00:03 dev v dst 10.0.0.3 src_vni 10']) {
    bench.do(each);
    draft.edit(parseLine('bridge', each.split(' ')) as TableEdit);
  }
  bench.learn(1);
  const before = bench.state;
  bench.do('fdb add 02:00:00:00:00:04 dev v dst 10.0.0.4 src_vni 10');
  bench.do('vni add vni 77 dev v');
  adoptTable(bench.forwarding, bench.device, draft.state);
  t.deepEqual(bench.state, before);
});
