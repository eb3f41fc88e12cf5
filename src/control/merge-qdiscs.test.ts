import test from 'ava';
import type { OutputOptions, QdiscState } from '../iproute/commands.js';
import { printQdiscs } from '../iproute/print-qdisc.js';
import { mergeQdiscs } from './merge-qdiscs.js';

const plain: OutputOptions = { statistics: false, details: false, json: false, pretty: false };
const none = { bytes: 0, packets: 0, drops: 0, overlimits: 0 };
const own: QdiscState[] = [
  { dev: 'vxlan0', qdisc: 'ingress', ...none },
  { dev: 'away', qdisc: 'clsact', ...none },
];

// As the system's tc of release 6.1 printed them.
const HOST = `qdisc noqueue 0: dev lo root refcnt 2 
qdisc prio 8001: dev vxlan0 root refcnt 2 bands 3 priomap 1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1
qdisc pfifo 8002: dev vxlan0 parent 8001:1 limit 50p
qdisc pfifo_fast 0: dev tap0 root refcnt 2 bands 3 priomap 1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1
`;

test('a device’s ingress stands behind its other qdiscs, and the host’s stay as they were', (t) => {
  const lines = HOST.split('\n');
  t.is(
    mergeQdiscs(HOST, own, undefined, plain),
    [
      ...lines.slice(0, 3),
      'qdisc ingress ffff: dev vxlan0 parent ffff:fff1 ---------------- ',
      ...lines.slice(3, 4),
      'qdisc clsact ffff: dev away parent ffff:fff1 ',
      '',
    ].join('\n'),
  );
});

test('statistics go with their qdisc', (t) => {
  const host = 'qdisc noqueue 0: root refcnt 2 \n Sent 0 bytes 0 pkt (dropped 0, overlimits 0 requeues 0) \n';
  const mine = own.slice(0, 1);
  const output = { ...plain, statistics: true };
  t.is(mergeQdiscs(host, mine, 'vxlan0', output), host + printQdiscs(mine, 'vxlan0', output));
});

test('JSON is one array, in either layout', (t) => {
  const host = '[{"kind":"noqueue","handle":"0:","dev":"lo","root":true,"refcnt":2,"options":{}}]';
  const both = mergeQdiscs(`${host}\n`, own.slice(0, 1), undefined, { ...plain, json: true });
  t.is(
    both,
    `${host.slice(0, -1)},{"kind":"ingress","handle":"ffff:","dev":"vxlan0","parent":"ffff:fff1","options":{}}]\n`,
  );
  const pretty = mergeQdiscs('[ ]\n', own.slice(0, 1), undefined, { ...plain, json: true, pretty: true });
  t.is(pretty, printQdiscs(own.slice(0, 1), undefined, { ...plain, json: true, pretty: true }));
  t.is(mergeQdiscs('[]\n', [], undefined, { ...plain, json: true }), '[]\n');
});
