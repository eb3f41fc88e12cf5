// Whom rules, remotes and the forwarding table name, against what is in them at the end.
import test, { type ExecutionContext } from 'ava';
import * as fc from 'fast-check';
import { LinearTable } from '../classifier/linear/linear-table.js';
import { PEER_KNOWN, peerVerdict } from '../dataplane/peer-table.js';
import { ADDED_BY_USER, NTF_SELF, NUD_PERMANENT, NUD_REACHABLE } from '../devices/fdb-layout.js';
import { FdbLookup } from '../devices/fdb-lookup.js';
import { FdbRecords } from '../devices/fdb-records.js';
import type { VxlanOptions } from '../iproute/commands.js';
import { parseLine } from '../iproute/parse.js';
import { TUNNEL_WORDS, TunnelWord } from '../memory/tunnel.js';
import { FdbJournal } from './fdb-journal.js';
import { FakeDatapath, FakeDevices } from './kit.test.helper.js';
import { Rules } from './rules.js';
import { peerOf, StrictPeers } from './strict-peers.js';

const DEVICE = 0;
const REMOTE = (last: number) => ({ address: Uint8Array.of(10, 0, 0, last), port: 4789, vni: 4, ifindex: 0 });
const key = (mac: number) => ({ device: DEVICE, mac: Uint8Array.of(2, 0, 0, 0, 0, mac), vni: 4 });

/** Rules and a forwarding table with nobody's daemon around them. */
class Bench {
  readonly fdb = new FdbRecords();
  readonly peers: StrictPeers;
  readonly rules: Rules;
  readonly told: number[] = [];
  options: VxlanOptions | undefined;
  private words: Int32Array = new Int32Array(6);

  constructor(everywhere: readonly string[] = []) {
    const link = parseLine('ip', 'link add vxlan0 type vxlan id 4 dstport 4789'.split(' '));
    this.options = link.kind === 'link-add-vxlan' ? link.vxlan : undefined;
    this.peers = new StrictPeers(
      {
        options: () => this.options,
        apply: async ({ device, words }) => {
          this.told.push(device);
          if (device === DEVICE) this.words = words ?? new Int32Array(6);
        },
      },
      everywhere.map((text) => peerOf(addressOf(text), new Uint8Array(4).fill(0xff))),
    );
    this.fdb.listener = this.peers;
    this.rules = new Rules(new FakeDatapath(), new FakeDevices(), () => new LinearTable());
    this.rules.strictPeers = this.peers;
  }

  tc(line: string): void {
    const command = parseLine('tc', line.split(' '));
    if (command.kind === 'qdisc-add') this.rules.addQdisc(command.dev, command.qdisc, command.mode);
    else if (command.kind === 'qdisc-del') this.rules.removeQdisc(command.dev, command.qdisc, true);
    else if (command.kind === 'filter-add') this.rules.edit(command.mode, command.filter);
    else if (command.kind === 'filter-del') this.rules.remove(command.selector);
    else throw new Error(line);
  }

  knows(text: string): boolean {
    const address = addressOf(text);
    const record = new Int32Array(TUNNEL_WORDS);
    record[TunnelWord.FAMILY] = 4;
    record[TunnelWord.SRC_IP] = new DataView(address.buffer).getInt32(0);
    return peerVerdict(this.words, record, 0) === PEER_KNOWN;
  }
}

function addressOf(text: string): Uint8Array {
  return Uint8Array.from(text.split('.').map(Number));
}

async function knows(t: ExecutionContext, bench: Bench, expected: Readonly<Record<string, boolean>>): Promise<void> {
  await bench.rules.commit();
  for (const [address, is] of Object.entries(expected)) t.is(bench.knows(address), is, address);
}

test('a filter names its enc_src_ip with its prefix, as long as one does', async (t) => {
  const bench = new Bench();
  bench.tc('qdisc add dev vxlan0 clsact');
  bench.tc('filter add dev vxlan0 ingress protocol all pref 1 flower enc_src_ip 10.0.1.0/24 action drop');
  bench.tc('filter add dev vxlan0 ingress protocol all pref 2 flower enc_src_ip 10.0.1.0/24 enc_key_id 5 action drop');
  bench.tc('filter add dev vxlan0 ingress protocol all pref 3 flower enc_dst_ip 10.0.2.1 action drop');
  bench.tc('filter add dev vxlan0 egress protocol all pref 3 flower enc_src_ip 10.0.3.1 action drop');
  await knows(t, bench, { '10.0.1.77': true, '10.0.2.1': false, '10.0.3.1': false, '0.0.0.0': false });
  bench.tc('filter del dev vxlan0 ingress pref 1');
  await knows(t, bench, { '10.0.1.77': true });
  bench.tc(
    'filter replace dev vxlan0 ingress protocol all pref 2 handle 1 flower enc_src_ip 10.0.4.0/24 enc_key_id 5 action drop',
  );
  await knows(t, bench, { '10.0.1.77': false, '10.0.4.1': true });
  bench.tc('qdisc del dev vxlan0 clsact');
  await knows(t, bench, { '10.0.4.1': false });
});

test('a prefix of no bits names nobody: everybody is no name', async (t) => {
  const bench = new Bench();
  bench.tc('qdisc add dev vxlan0 clsact');
  bench.tc('filter add dev vxlan0 ingress protocol all pref 1 flower enc_src_ip 0.0.0.0/0 action drop');
  bench.peers.touch(DEVICE);
  await knows(t, bench, { '10.0.1.77': false, '0.0.0.0': false });
});

test('a filter of any chain names its sender, whether frames get there or not, and whatever it does', async (t) => {
  const bench = new Bench();
  bench.tc('qdisc add dev vxlan0 clsact');
  bench.tc('qdisc add dev tap0 ingress');
  const chain = 'filter add dev vxlan0 ingress protocol all pref 1 chain 7 flower enc_src_ip 10.0.7.0/24';
  bench.tc(`${chain} action drop`);
  bench.tc('filter add dev tap0 ingress protocol all pref 1 flower enc_src_ip 10.0.8.1 action drop');
  await knows(t, bench, { '10.0.7.9': true, '10.0.8.1': false });
  bench.tc('filter del dev vxlan0 ingress chain 7 pref 1');
  await knows(t, bench, { '10.0.7.9': false });
});

test('a prefix names whom it fits, and nobody beside it, however it is written', async (t) => {
  const bench = new Bench();
  bench.tc('qdisc add dev vxlan0 clsact');
  bench.tc('filter add dev vxlan0 ingress protocol all pref 1 flower enc_src_ip 10.0.1.77/31 action pass');
  bench.tc('filter add dev vxlan0 ingress protocol all pref 2 flower enc_src_ip 10.200.9.9/255.128.0.0 action pass');
  await knows(t, bench, { '10.0.1.76': true, '10.0.1.77': true, '10.0.1.75': false, '10.0.1.78': false });
  await knows(t, bench, { '10.128.0.0': true, '10.255.255.255': true, '10.127.255.255': false, '11.128.0.0': false });
});

test('what a roll-back takes away is no peer, and what it brings back is one again', async (t) => {
  const bench = new Bench();
  bench.tc('qdisc add dev vxlan0 clsact');
  bench.tc('filter add dev vxlan0 ingress protocol all pref 1 flower enc_src_ip 10.0.1.1 action drop');
  bench.rules.open();
  bench.tc('filter add dev vxlan0 ingress protocol all pref 2 flower enc_src_ip 10.0.2.1 action drop');
  bench.tc('filter del dev vxlan0 ingress pref 1');
  await bench.rules.rollBack();
  await knows(t, bench, { '10.0.1.1': true, '10.0.2.1': false });
});

test('entries that somebody has made name peers, learned ones and groups do not', async (t) => {
  const bench = new Bench(['192.0.2.7']);
  bench.fdb.insert(key(1), NUD_PERMANENT, NTF_SELF, REMOTE(1));
  bench.fdb.insert(key(2), NUD_REACHABLE, NTF_SELF | ADDED_BY_USER, REMOTE(2));
  bench.fdb.insert(key(3), NUD_REACHABLE, NTF_SELF, REMOTE(3));
  bench.fdb.insert(key(4), NUD_PERMANENT, NTF_SELF, { ...REMOTE(4), address: Uint8Array.of(239, 1, 1, 1) });
  bench.fdb.append(key(1), REMOTE(5));
  await knows(t, bench, { '10.0.0.1': true, '10.0.0.2': true, '10.0.0.3': false, '239.1.1.1': false });
  await knows(t, bench, { '10.0.0.5': true, '192.0.2.7': true, '192.0.2.8': false });
  bench.fdb.remove(key(1), REMOTE(1));
  await knows(t, bench, { '10.0.0.1': false, '10.0.0.5': true, '10.0.0.2': true });
  bench.fdb.replaceRemote(key(2), REMOTE(6));
  await knows(t, bench, { '10.0.0.2': false, '10.0.0.6': true });
  bench.fdb.setState(key(2), NUD_REACHABLE, NTF_SELF);
  await knows(t, bench, { '10.0.0.6': false });
  // What is gone by age is gone.
  bench.fdb.insert(key(7), NUD_REACHABLE, NTF_SELF | ADDED_BY_USER, REMOTE(7));
  await knows(t, bench, { '10.0.0.7': true });
  bench.fdb.age(
    () => 0,
    10,
    () => undefined,
  );
  await knows(t, bench, { '10.0.0.7': false, '10.0.0.5': true });
});

test('a device that has gone knows nobody, and another in its place nobody of its', async (t) => {
  const bench = new Bench();
  const { options } = bench;
  bench.fdb.insert(key(1), NUD_PERMANENT, NTF_SELF, REMOTE(1));
  await knows(t, bench, { '10.0.0.1': true });
  bench.options = undefined;
  bench.fdb.remove(key(1));
  bench.peers.removed(DEVICE);
  await knows(t, bench, { '10.0.0.1': false });
  bench.options = options;
  bench.peers.touch(DEVICE);
  await knows(t, bench, { '10.0.0.1': false });
});

test('what names nobody new is not told to the workers', async (t) => {
  const bench = new Bench();
  bench.fdb.insert(key(1), NUD_PERMANENT, NTF_SELF, REMOTE(1));
  await bench.rules.commit();
  t.is(bench.told.length, 1);
  bench.fdb.insert(key(2), NUD_PERMANENT, NTF_SELF, REMOTE(1));
  bench.fdb.insert(key(3), NUD_REACHABLE, NTF_SELF, REMOTE(3));
  await bench.rules.commit();
  t.is(bench.told.length, 1);
});

test('what is taken away is told once for a commit, and only where somebody is no peer any more', async (t) => {
  const bench = new Bench();
  for (let n = 1; n <= 6; n++) bench.fdb.insert(key(n), NUD_PERMANENT, NTF_SELF, REMOTE(n));
  bench.fdb.insert(key(7), NUD_PERMANENT, NTF_SELF, REMOTE(6));
  await bench.rules.commit();
  t.is(bench.told.length, 1);
  for (let n = 1; n <= 4; n++) bench.fdb.remove(key(n));
  await knows(t, bench, { '10.0.0.4': false, '10.0.0.5': true });
  t.is(bench.told.length, 2);
  for (let n = 10; n < 14; n++) bench.fdb.insert(key(n), NUD_REACHABLE, NTF_SELF, REMOTE(n));
  bench.fdb.remove(key(10));
  bench.fdb.remove(key(6));
  bench.fdb.age(
    () => 0,
    10,
    () => undefined,
  );
  await knows(t, bench, { '10.0.0.10': false, '10.0.0.5': true, '10.0.0.6': true });
  t.is(bench.told.length, 2);
});

/** A frame from a MAC comes from 10.0.0.`last`, as a worker learns it. */
function learn(bench: Bench, mac: number, last: number): void {
  const lookup = new FdbLookup(bench.fdb.buffer);
  bench.fdb.setOpen(DEVICE, true);
  const record = new Int32Array(TUNNEL_WORDS);
  record[TunnelWord.FAMILY] = 4;
  record[TunnelWord.SRC_IP] = new DataView(REMOTE(last).address.buffer).getInt32(0);
  lookup.learn(DEVICE, 0x02000000, mac, 4, record, 0);
}

test('an entry that somebody has made and learning has moved names whom he has said, for as long as it is there', async (t) => {
  const bench = new Bench();
  bench.fdb.insert(key(1), NUD_REACHABLE, NTF_SELF | ADDED_BY_USER, REMOTE(1));
  await knows(t, bench, { '10.0.0.1': true });
  learn(bench, 1, 9);
  t.deepEqual([...(bench.fdb.get(key(1))?.remotes[0]?.address ?? [])], [10, 0, 0, 9], 'it has moved');
  // Something is taken out of the table elsewhere, and made again.
  bench.fdb.insert(key(2), NUD_PERMANENT, NTF_SELF, REMOTE(2));
  bench.fdb.remove(key(2));
  await knows(t, bench, { '10.0.0.1': true, '10.0.0.2': false, '10.0.0.9': false });
  // It goes and comes back, as a transaction does it.
  const listed = bench.fdb.get(key(1));
  t.not(listed, undefined);
  bench.fdb.remove(key(1));
  if (listed) bench.fdb.putBack(listed, bench.fdb.time());
  await knows(t, bench, { '10.0.0.1': true, '10.0.0.9': false });
  bench.fdb.remove(key(1));
  await knows(t, bench, { '10.0.0.1': false, '10.0.0.9': false });
});

/** Carries out one random edit. */
function edited(bench: Bench, { what, mac, remote }: { what: string; mac: number; remote: number }): void {
  if (what === 'insert') bench.fdb.insert(key(mac), NUD_PERMANENT, NTF_SELF, REMOTE(remote));
  else if (what === 'dynamic') bench.fdb.insert(key(mac), NUD_REACHABLE, NTF_SELF | ADDED_BY_USER, REMOTE(remote));
  else if (what === 'learn') bench.fdb.insert(key(mac), NUD_REACHABLE, NTF_SELF, REMOTE(remote));
  else if (what === 'append') bench.fdb.append(key(mac), REMOTE(remote));
  else if (what === 'replace') bench.fdb.replaceRemote(key(mac), REMOTE(remote));
  else if (what === 'remove') bench.fdb.remove(key(mac));
  else if (what === 'remove-one') bench.fdb.remove(key(mac), REMOTE(remote));
  else if (what === 'state') bench.fdb.setState(key(mac), NUD_PERMANENT, NTF_SELF);
}

const edit = fc.record({
  what: fc.constantFrom('insert', 'insert', 'learn', 'append', 'replace', 'remove', 'remove-one', 'state', 'commit'),
  mac: fc.nat({ max: 4 }),
  remote: fc.integer({ min: 1, max: 6 }),
});

test('after any edits the peers are those of the entries that are there', async (t) => {
  let known = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { minLength: 8, maxLength: 60, size: 'max' }), async (edits) => {
      const bench = new Bench();
      for (const { what, mac, remote } of edits) {
        if (what === 'commit') await bench.rules.commit();
        else edited(bench, { what, mac, remote });
      }
      await bench.rules.commit();
      const made = bench.fdb.list(DEVICE).filter(({ state }) => (state & NUD_PERMANENT) !== 0);
      const named = new Set(made.flatMap(({ remotes }) => remotes.map(({ address }) => address.join('.'))));
      known += named.size;
      for (let last = 1; last <= 6; last++) t.is(bench.knows(`10.0.0.${last}`), named.has(`10.0.0.${last}`));
    }),
    { seed: 7, numRuns: 60 },
  );
  t.true(known > 100, `${known} peers`);
});

const tried = fc.record({
  what: fc.constantFrom('insert', 'dynamic', 'learn', 'append', 'replace', 'remove', 'remove-one', 'state'),
  mac: fc.nat({ max: 4 }),
  remote: fc.integer({ min: 1, max: 6 }),
});
const move = fc.record({ mac: fc.nat({ max: 4 }), remote: fc.integer({ min: 1, max: 6 }) });

test('after any transaction that was taken back the peers are those of before it', async (t) => {
  let known = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(tried, { minLength: 3, maxLength: 20 }),
      fc.array(move, { maxLength: 4 }),
      fc.array(tried, { minLength: 1, maxLength: 20 }),
      async (before, moves, edits) => {
        const bench = new Bench();
        const journal = new FdbJournal(bench.fdb);
        const peers = (): boolean[] => [1, 2, 3, 4, 5, 6].map((last) => bench.knows(`10.0.0.${last}`));
        for (const each of before) edited(bench, each);
        for (const { mac, remote } of moves) learn(bench, mac, remote);
        await bench.rules.commit();
        const then = peers();
        known += then.filter((is) => is).length;
        journal.open();
        for (const each of edits) {
          journal.touch(key(each.mac));
          edited(bench, each);
        }
        journal.rollBack();
        await bench.rules.commit();
        t.deepEqual(peers(), then);
      },
    ),
    { seed: 7, numRuns: 100 },
  );
  t.true(known > 100, `${known} peers`);
});
