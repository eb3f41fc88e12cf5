// The forwarding table against a Map: what is learned, edited and aged, by one thread and by two.
import { Worker } from 'node:worker_threads';
import test from 'ava';
import fc from 'fast-check';
import { TUNNEL_WORDS, TunnelWord } from '../memory/tunnel.js';
import {
  ENTRY_REMOTES,
  FDB_EVENTS,
  NTF_EXT_LEARNED,
  NTF_SELF,
  NUD_NOARP,
  NUD_PERMANENT,
  NUD_REACHABLE,
} from './fdb-layout.js';
import { FdbLookup, Learned, NO_ENTRY, NO_ROOM } from './fdb-lookup.js';
import { type FdbKey, FdbRecords, type FdbRemote } from './fdb-records.js';

const DEVICE = 3;
const VNI = 4;
const PORT = 4789;

function setUp(limit = 0): { records: FdbRecords; lookup: FdbLookup } {
  const records = new FdbRecords();
  const defaults = new Int32Array(TUNNEL_WORDS);
  defaults[TunnelWord.DST_PORT] = PORT;
  defaults[TunnelWord.VNI] = VNI;
  defaults[TunnelWord.SRC_IP] = 0x0a000063;
  defaults[TunnelWord.IFINDEX] = 17;
  for (const device of [DEVICE, DEVICE + 1]) {
    records.setDevice(device, limit, defaults);
    records.setOpen(device, true);
  }
  return { records, lookup: new FdbLookup(records.buffer) };
}

function key(mac: number, device = DEVICE, vni = VNI): FdbKey {
  return { device, mac: Uint8Array.of(2, 0, 0, 0, mac >> 8, mac & 0xff), vni };
}

function remote(n: number): FdbRemote {
  return { address: Uint8Array.of(10, 0, n >> 8, n & 0xff), port: PORT, vni: VNI, ifindex: 0 };
}

function received(n: number): Int32Array {
  const record = new Int32Array(TUNNEL_WORDS);
  record[TunnelWord.FAMILY] = 4;
  record[TunnelWord.SRC_IP] = (10 << 24) | n;
  return record;
}

function learn(lookup: FdbLookup, mac: number, from: number, device = DEVICE): number {
  return lookup.learn(device, 0x02000000, mac, VNI, received(from), 0);
}

/** The last two bytes of each destination's address; undefined: there is no entry. */
function destinations(lookup: FdbLookup, mac: number, device = DEVICE): number[] | undefined {
  const out = new Int32Array(ENTRY_REMOTES * TUNNEL_WORDS);
  const count = lookup.destinations(device, 0x02000000, mac, VNI, out, 0, ENTRY_REMOTES);
  if (count === NO_ENTRY) return undefined;
  return Array.from({ length: count }, (_, n) => (out[n * TUNNEL_WORDS + TunnelWord.DST_IP] ?? 0) & 0xffff);
}

const mac = fc.nat({ max: 12 });
const place = fc.nat({ max: 5 });
/** Learned; static, which does not age; permanent, which does not either. */
const state = fc.constantFrom(NUD_REACHABLE, NUD_REACHABLE | NUD_NOARP, NUD_PERMANENT);
const step = fc.oneof(
  fc.record({ kind: fc.constant('learn' as const), mac, place }),
  fc.record({ kind: fc.constant('add' as const), mac, place, state }),
  fc.record({ kind: fc.constant('append' as const), mac, place }),
  fc.record({ kind: fc.constant('replace' as const), mac, place }),
  fc.record({ kind: fc.constant('remove' as const), mac, place: fc.option(place, { nil: undefined }) }),
);

test('learning and edits are those of a Map', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120, size: 'max' }), fc.constantFrom(0, 0, 5), (steps, limit) => {
      const { records, lookup } = setUp(limit);
      const oracle = new Map<number, { places: number[]; static: boolean }>();
      const isFull = (): boolean => limit !== 0 && oracle.size >= limit;
      for (const one of steps) {
        const there = oracle.get(one.mac);
        switch (one.kind) {
          case 'learn': {
            const result = learn(lookup, one.mac, one.place);
            if (there && there.places[0] === one.place) t.is(result, Learned.YES);
            else if (there?.static) t.is(result, Learned.ELSEWHERE);
            else if (there) there.places[0] = one.place;
            else if (isFull()) t.is(result, Learned.NO_ROOM);
            else oracle.set(one.mac, { places: [one.place], static: false });
            break;
          }
          case 'add': {
            const refusal = records.insert(key(one.mac), one.state, NTF_SELF, remote(one.place));
            t.is(refusal, there ? 'exists' : isFull() ? 'full' : undefined);
            if (!refusal) oracle.set(one.mac, { places: [one.place], static: one.state !== NUD_REACHABLE });
            break;
          }
          case 'append':
            t.is(records.append(key(one.mac), remote(one.place)), there ? undefined : 'none');
            if (there && !there.places.includes(one.place)) there.places.push(one.place);
            break;
          case 'replace':
            t.is(records.replaceRemote(key(one.mac), remote(one.place)), there ? undefined : 'none');
            if (there && !there.places.includes(one.place)) there.places[0] = one.place;
            break;
          case 'remove': {
            const which = one.place === undefined ? undefined : remote(one.place);
            t.is(records.remove(key(one.mac), which), there ? undefined : 'none');
            if (!there) break;
            if (one.place === undefined || (there.places.length === 1 && there.places[0] === one.place)) {
              oracle.delete(one.mac);
            } else {
              // One that was learnt where the list has it already is there twice, and goes once.
              const at = there.places.indexOf(one.place);
              if (at >= 0) there.places.splice(at, 1);
            }
            break;
          }
        }
        t.is(records.list(DEVICE).length, oracle.size);
        for (let n = 0; n <= 12; n++) t.deepEqual(destinations(lookup, n), oracle.get(n)?.places);
      }
      t.is(destinations(lookup, 1, DEVICE + 1), undefined, 'another device knows nothing of it');
    }),
    { numRuns: 150 },
  );
});

test('what many addresses leave behind is used again, and nothing is lost among collisions', (t) => {
  const { records, lookup } = setUp();
  const known = new Set<number>();
  let seed = 1;
  for (let n = 0; n < 60_000; n++) {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    const one = (seed >>> 8) & 0x3fff;
    if (known.has(one)) {
      records.remove(key(one));
      known.delete(one);
    } else {
      t.is(learn(lookup, one, one & 0xff), Learned.YES);
      known.add(one);
    }
  }
  for (let one = 0; one < 0x4000; one++)
    t.deepEqual(destinations(lookup, one), known.has(one) ? [one & 0xff] : undefined);
  t.is(records.list(DEVICE).length, known.size);
});

test('a record says what the device says, but for the destination', (t) => {
  const { records, lookup } = setUp();
  records.insert(key(1), NUD_REACHABLE, NTF_SELF, { ...remote(9), port: 99, vni: 77, ifindex: 5 });
  const out = new Int32Array(2 * TUNNEL_WORDS);
  t.is(lookup.destinations(DEVICE, 0x02000000, 1, VNI, out, 1, 2), 1);
  const word = (name: keyof typeof TunnelWord): number => out[TUNNEL_WORDS + TunnelWord[name]] ?? 0;
  t.deepEqual(
    [word('DST_IP'), word('SRC_IP'), word('DST_PORT'), word('VNI'), word('IFINDEX'), word('FAMILY')],
    [0x0a000009, 0x0a000063, 99, 77, 5, 4],
  );
  records.append(key(1), remote(10));
  t.is(lookup.destinations(DEVICE, 0x02000000, 1, VNI, out, 1, 2), NO_ROOM);
});

test('an entry takes so many destinations and no more', (t) => {
  const { records, lookup } = setUp();
  records.insert(key(1), NUD_PERMANENT, NTF_SELF, remote(0));
  for (let n = 1; n < ENTRY_REMOTES; n++) t.is(records.append(key(1), remote(n)), undefined);
  t.is(records.append(key(1), remote(ENTRY_REMOTES)), 'too-many-remotes');
  t.is(records.append(key(1), remote(5)), undefined, 'it has it already');
  t.is(destinations(lookup, 1)?.length, ENTRY_REMOTES);
});

test('what is not heard of for too long goes, unless it is static or another’s', (t) => {
  const { records, lookup } = setUp();
  lookup.tick(1);
  learn(lookup, 1, 1);
  records.insert(key(2), NUD_REACHABLE, NTF_SELF, remote(2));
  records.insert(key(3), NUD_REACHABLE, NTF_SELF | NTF_EXT_LEARNED, remote(3));
  records.insert(key(4), NUD_REACHABLE | NUD_NOARP, NTF_SELF, remote(4));
  learn(lookup, 5, 5, DEVICE + 1);
  const told: number[] = [];
  t.is(
    records.age(
      () => 50,
      100,
      () => told.push(0),
    ),
    50,
  );
  t.deepEqual(told, []);
  const due = (device: number): number => (device === DEVICE ? 0 : 3000);
  t.is(
    records.age(due, 100, (record) => told.push(record.mac[5] ?? 0)),
    100,
  );
  t.deepEqual(told.sort(), [1, 2]);
  t.deepEqual(
    records.list(DEVICE).map(({ mac: [, , , , , n] }) => n),
    [4, 3],
    'the youngest first',
  );
  t.deepEqual(destinations(lookup, 5, DEVICE + 1), [5]);
});

test('a device that is down learns nothing, and keeps what it has', (t) => {
  const { records, lookup } = setUp();
  learn(lookup, 1, 1);
  records.setOpen(DEVICE, false);
  t.is(learn(lookup, 2, 2), Learned.YES);
  t.deepEqual([destinations(lookup, 1), destinations(lookup, 2)], [[1], undefined]);
});

test('what is learned and missed is told, and that there was too much', (t) => {
  const { records, lookup } = setUp();
  learn(lookup, 1, 1);
  learn(lookup, 1, 1);
  learn(lookup, 1, 2);
  lookup.missed(DEVICE, 0x02000000, 7, VNI);
  t.true(lookup.hasEvents);
  t.true(lookup.mustTell());
  t.false(lookup.mustTell(), 'it was told');
  const notices = records.notices();
  t.deepEqual(
    notices.map(({ kind }) => kind),
    ['learned', 'learned', 'l2-miss'],
  );
  const [first, second] = notices.flatMap((notice) => (notice.kind === 'learned' ? notice.record.remotes : []));
  t.deepEqual([first?.address, second?.address], [Uint8Array.of(10, 0, 0, 1), Uint8Array.of(10, 0, 0, 2)]);
  t.true(lookup.mustTell());

  for (let n = 0; n < FDB_EVENTS + 5; n++) learn(lookup, 100 + n, 1);
  const many = records.notices();
  t.is(many.length, FDB_EVENTS + 1);
  t.deepEqual(many.at(-1), { kind: 'lost', count: 5 });
  t.deepEqual(records.notices(), []);
});

test('a reader beside a writer sees whole destinations only', async (t) => {
  const { records, lookup } = setUp();
  const stop = new Int32Array(new SharedArrayBuffer(8));
  const code = `
    const { workerData } = require('node:worker_threads');
    import(workerData.url).then(({ FdbLookup }) => {
      const lookup = new FdbLookup(workerData.fdb);
      const stop = new Int32Array(workerData.stop);
      const record = new Int32Array(16);
      record[15] = 6;
      for (let n = 1; Atomics.load(stop, 0) === 0; n++) {
        // All words of an address are one number.
        for (let w = 10; w < 14; w++) record[w] = 0x20000000 + (n & 0xffff);
        lookup.learn(3, 0x02000000, 1 + (n % 3), 4, record, 0);
        Atomics.add(stop, 1, 1);
      }
    });`;
  const url = new URL('./fdb-lookup.js', import.meta.url).href;
  const worker = new Worker(code, { eval: true, workerData: { url, fdb: records.buffer, stop: stop.buffer } });
  t.teardown(() => worker.terminate());
  const out = new Int32Array(TUNNEL_WORDS);
  let torn = 0;
  let seen = 0;
  const deadline = Date.now() + 10_000;
  while ((seen < 100_000 || Atomics.load(stop, 1) < 100_000) && Date.now() < deadline) {
    for (let n = 0; n < 5000; n++) {
      const count = lookup.destinations(DEVICE, 0x02000000, 1 + (n % 3), VNI, out, 0, 1);
      if (count !== 1) continue;
      seen++;
      const words = out.subarray(TunnelWord.DST_IP, TunnelWord.DST_IP + 4);
      if (words.some((word) => word !== words[0])) torn++;
    }
    records.notices();
    if (seen % 7 === 0) records.remove(key(2));
    await new Promise((resolve) => setImmediate(resolve));
  }
  Atomics.store(stop, 0, 1);
  t.is(torn, 0);
  t.true(seen >= 2000 && Atomics.load(stop, 1) >= 2000, `${seen} looks beside ${Atomics.load(stop, 1)} changes`);
});
