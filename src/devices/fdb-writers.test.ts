// The forwarding table with several workers that learn and a control thread that edits, all at once.
import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import { TUNNEL_WORDS, TunnelWord } from '../memory/tunnel.js';
import { FdbLookup } from './fdb-lookup.js';
import { FdbRecords } from './fdb-records.js';

const DEVICE = 3;
const VNI = 4;
const HIGH = 0x02000000;
const WORKERS = 4;
/** Addresses of each worker; every third is everybody's, and goes to and fro between them. */
const ADDRESSES = 400;
const ROUNDS = 100;
/** What tells the words of an address in a record: the worker's number in all of them. */
const BASE = 0x20000000;
const isShared = (n: number): boolean => n % 3 === 0;
const shared = Array.from({ length: ADDRESSES }, (_, n) => n).filter(isShared).length;

const code = `
  const { workerData } = require('node:worker_threads');
  const { url, fdb, number, addresses, rounds, device, high, vni, source, family, base } = workerData;
  import(url).then(({ FdbLookup }) => {
    const lookup = new FdbLookup(fdb);
    const record = new Int32Array(16);
    record[family] = 6;
    record.fill(base + number, source, source + 4);
    for (let round = 0; round < rounds; round++) {
      for (let n = 0; n < addresses; n++) {
        lookup.learn(device, high, n % 3 === 0 ? n : 10000 * (number + 1) + n, vni, record, 0);
      }
    }
  });`;

function learner(fdb: SharedArrayBuffer, number: number): Promise<unknown> {
  const url = new URL('./fdb-lookup.js', import.meta.url).href;
  const what = { url, fdb, number, addresses: ADDRESSES, rounds: ROUNDS, device: DEVICE, high: HIGH, vni: VNI };
  const words = { source: TunnelWord.SRC_IP, family: TunnelWord.FAMILY, base: BASE };
  return once(new Worker(code, { eval: true, workerData: { ...what, ...words } }), 'exit');
}

test('each address is there once, whole, and where somebody said', async (t) => {
  const records = new FdbRecords();
  records.setDevice(DEVICE, 0, new Int32Array(TUNNEL_WORDS));
  records.setOpen(DEVICE, true);
  let left = WORKERS;
  const ends = Array.from({ length: WORKERS }, (_, number) => learner(records.buffer, number).then(() => left--));
  // One that all of them learn is taken away again and again, and with it what stands in its way in the hash moves.
  const key = { device: DEVICE, mac: Uint8Array.of(2, 0, 0, 0, 0, 3), vni: VNI };
  let removed = 0;
  while (left > 0) {
    if (records.remove(key) === undefined) removed++;
    records.notices();
    await setImmediate();
  }
  await Promise.all(ends);
  t.true(removed > 0);

  const lookup = new FdbLookup(records.buffer);
  const listed = records
    .list(DEVICE)
    .map(({ mac, remotes }) => ({ low: ((mac[4] ?? 0) << 8) | (mac[5] ?? 0), remotes }));
  t.is(new Set(listed.map(({ low }) => low)).size, listed.length, 'none is there twice');
  const own = (ADDRESSES - shared) * WORKERS;
  t.is(listed.filter(({ low }) => low >= 10_000).length, own);
  t.true(listed.length === own + shared || listed.length === own + shared - 1, 'but for the one that was taken away');
  const out = new Int32Array(TUNNEL_WORDS);
  for (const { low, remotes } of listed) {
    t.is(remotes.length, 1);
    t.is(lookup.destinations(DEVICE, HIGH, low, VNI, out, 0, 1), 1);
    const address = [...out.subarray(TunnelWord.DST_IP, TunnelWord.DST_IP + 4)];
    const worker = (address[0] ?? 0) - BASE;
    t.deepEqual(address, Array(4).fill(BASE + worker), 'torn');
    t.true(worker >= 0 && worker < WORKERS);
    if (low >= 10_000) t.is(worker, Math.floor(low / 10_000) - 1);
  }
});
