import test from 'ava';
import { addPeers } from '../devices/fdb-peers.js';
import { FdbRecords } from '../devices/fdb-records.js';
import { StatusTicker, statusSentence } from './status.js';

test('the sentence counts', (t) => {
  t.is(statusSentence({ devices: 1, filters: 0, peers: 1 }), '1 device, 0 filters, 1 peer');
  t.is(statusSentence({ devices: 3, filters: 1_000_000, peers: 12 }), '3 devices, 1,000,000 filters, 12 peers');
});

test('the next look is fifteen seconds away, or five hundred times as long as the last one took', (t) => {
  let now = 0;
  let cost = 1;
  const said: string[] = [];
  const ticker = new StatusTicker(
    () => {
      now += cost;
      return `${now}`;
    },
    (sentence) => said.push(sentence),
    () => now,
  );
  t.is(ticker.look(), 15_000);
  cost = 400;
  t.is(ticker.look(), 200_000);
  ticker.close();
  t.deepEqual(said, ['1', '401']);
});

test('peers are the addresses that a forwarding table leads to, each once', (t) => {
  const fdb = new FdbRecords();
  const remote = (address: readonly number[]) => ({
    address: Uint8Array.from(address),
    port: 4789,
    vni: 4,
    ifindex: 0,
  });
  const key = (last: number) => ({ device: 1, mac: Uint8Array.from([2, 0, 0, 0, 0, last]), vni: 4 });
  const v6 = [0xfd, ...new Array<number>(14).fill(0), 7];
  fdb.insert(key(1), 2, 2, remote([10, 0, 0, 1]));
  fdb.insert(key(2), 2, 2, remote([10, 0, 0, 1]));
  fdb.append(key(2), remote([192, 168, 255, 254]));
  fdb.insert(key(3), 2, 2, remote(v6));
  fdb.insert(key(4), 2, 2, remote([10, 0, 0, 9]));
  fdb.remove(key(4));
  const found = new Set<string>();
  addPeers(fdb.buffer, found);
  t.deepEqual([...found].sort(), ['0a000001', 'c0a8fffe', Buffer.from(v6).toString('hex')].sort());
});
