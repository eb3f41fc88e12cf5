// A forwarding table that is full, of entries and of destinations: nobody who is known is forgotten for somebody new.
import test from 'ava';
import { TUNNEL_WORDS, TunnelWord } from '../memory/tunnel.js';
import { ENTRY_REMOTES, FDB_ENTRIES, FDB_REMOTES, NTF_SELF, NUD_PERMANENT } from './fdb-layout.js';
import { FdbLookup, Learned, NO_ENTRY } from './fdb-lookup.js';
import { type FdbKey, FdbRecords, type FdbRemote } from './fdb-records.js';

const DEVICE = 3;
const VNI = 4;

/** The n-th address: two bytes that are always the same, and n in four. */
function key(n: number): FdbKey {
  return { device: DEVICE, mac: Uint8Array.of(2, 0, n >>> 24, n >>> 16, n >>> 8, n), vni: VNI };
}

function remote(n: number): FdbRemote {
  return { address: Uint8Array.of(10, 1, n >> 8, n & 0xff), port: 4789, vni: VNI, ifindex: 0 };
}

function full(): { records: FdbRecords; learn: (n: number) => number; knows: (n: number) => boolean } {
  const records = new FdbRecords();
  records.setDevice(DEVICE, 0, new Int32Array(TUNNEL_WORDS));
  records.setOpen(DEVICE, true);
  const lookup = new FdbLookup(records.buffer);
  const received = new Int32Array(TUNNEL_WORDS);
  received[TunnelWord.FAMILY] = 4;
  received[TunnelWord.SRC_IP] = 0x0a000001;
  const out = new Int32Array(ENTRY_REMOTES * TUNNEL_WORDS);
  return {
    records,
    learn: (n) => lookup.learn(DEVICE, 0x02000000 | (n >>> 16), n & 0xffff, VNI, received, 0),
    knows: (n) =>
      lookup.destinations(DEVICE, 0x02000000 | (n >>> 16), n & 0xffff, VNI, out, 0, ENTRY_REMOTES) !== NO_ENTRY,
  };
}

test('a table that has no entry left learns and takes no more, and forgets nobody', (t) => {
  const { records, learn, knows } = full();
  for (let n = 0; n < FDB_ENTRIES; n++) if (learn(n) !== Learned.YES) t.fail(`${n}`);
  t.is(learn(FDB_ENTRIES), Learned.NO_ROOM);
  t.is(records.insert(key(FDB_ENTRIES), NUD_PERMANENT, NTF_SELF, remote(1)), 'full');
  t.false(knows(FDB_ENTRIES));
  let known = 0;
  for (let n = 0; n < FDB_ENTRIES; n++) if (knows(n)) known++;
  t.is(known, FDB_ENTRIES);
  t.is(records.remove(key(77)), undefined);
  t.is(learn(FDB_ENTRIES), Learned.YES, 'where one has gone another has room');
  t.is(learn(77), Learned.NO_ROOM);
});

test('a table that has entries left and no destination learns nothing, and keeps no half of an entry', (t) => {
  const { records, learn, knows } = full();
  const entries = FDB_ENTRIES - 1;
  for (let n = 0; n < entries; n++) learn(n);
  let left = FDB_REMOTES - entries;
  const lists = Math.ceil(left / (ENTRY_REMOTES - 1));
  for (let n = 0; n < lists; n++)
    for (let r = 1; r < ENTRY_REMOTES && left > 0; r++, left--) records.append(key(n), remote(r));
  t.is(left, 0);
  t.is(records.append(key(lists), remote(1)), 'full');
  t.is(records.insert(key(entries), NUD_PERMANENT, NTF_SELF, remote(1)), 'full');
  t.is(learn(entries), Learned.NO_ROOM);
  t.false(knows(entries));
  // Destinations are given back with their entry; then it is entries that there are not.
  t.is(records.remove(key(0)), undefined);
  t.deepEqual([learn(entries), learn(entries + 1)], [Learned.YES, Learned.YES]);
  t.is(learn(entries + 2), Learned.NO_ROOM);
});
