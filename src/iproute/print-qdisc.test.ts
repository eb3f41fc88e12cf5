import test from 'ava';
import type { QdiscState } from './commands.js';
import { printQdiscs } from './print-qdisc.js';

const plain = { statistics: false, details: false, json: false, pretty: false };
const counts = { bytes: 252, packets: 3, drops: 1, overlimits: 0 };
const ingress: QdiscState = { dev: 'vxlan0', qdisc: 'ingress', ...counts };
const clsact: QdiscState = { dev: 'tap0', qdisc: 'clsact', ...counts };

test('ingress and clsact print as tc prints them', (t) => {
  t.is(printQdiscs([ingress], 'vxlan0', plain), 'qdisc ingress ffff: parent ffff:fff1 ---------------- \n');
  t.is(
    printQdiscs([ingress, clsact], undefined, plain),
    'qdisc ingress ffff: dev vxlan0 parent ffff:fff1 ---------------- \nqdisc clsact ffff: dev tap0 parent ffff:fff1 \n',
  );
});

test('Statistics follow each qdisc', (t) => {
  t.is(
    printQdiscs([clsact], 'tap0', { ...plain, statistics: true }),
    'qdisc clsact ffff: parent ffff:fff1 \n Sent 252 bytes 3 pkt (dropped 1, overlimits 0 requeues 0) \n backlog 0b 0p requeues 0\n',
  );
});

test('JSON, compact and pretty', (t) => {
  t.is(
    printQdiscs([ingress], undefined, { ...plain, json: true, statistics: true }),
    '[{"kind":"ingress","handle":"ffff:","dev":"vxlan0","parent":"ffff:fff1","options":{},"bytes":252,"packets":3,"drops":1,"overlimits":0,"requeues":0,"backlog":0,"qlen":0}]\n',
  );
  t.is(
    printQdiscs([clsact], 'tap0', { ...plain, json: true, pretty: true }),
    `[ {
        "kind": "clsact",
        "handle": "ffff:",
        "parent": "ffff:fff1",
        "options": {}
    } ]
`,
  );
});
