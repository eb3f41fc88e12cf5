import test from 'ava';
import { Counters } from '../memory/counters.js';
import { REASON } from '../memory/reasons.js';
import { dropRows, printDrops } from './drops.js';

const DEVICES = [
  { index: 2, name: 'tap0' },
  { index: 1, name: 'vxlan0' },
];

test('the rows are those that counted: all workers added up, by device as given and reason as in the table', (t) => {
  const a = new Counters();
  const b = new Counters();
  a.reason(1, REASON.unmatched, 3);
  b.reason(1, REASON.unmatched, 4);
  b.reason(1, REASON['no-vni-flag'], 1);
  a.reason(2, REASON['tap-down'], 12345);
  a.reason(7, REASON['tap-down'], 1);
  t.deepEqual(
    dropRows(DEVICES, [a, b]).map(({ device, reason, verdict, count }) => [device, reason, verdict, count]),
    [
      ['tap0', 'tap-down', 'drop', 12345],
      ['vxlan0', 'no-vni-flag', 'drop', 1],
      ['vxlan0', 'unmatched', 'pass', 7],
    ],
  );
});

test('the table has a column for each, counts to the right, and says what is not lost', (t) => {
  const counters = new Counters();
  counters.reason(1, REASON['no-vni-flag'], 1);
  counters.reason(1, REASON.unmatched, 7);
  counters.reason(2, REASON['tap-down'], 1234567);
  t.is(
    printDrops(dropRows(DEVICES, [counters])),
    [
      'DEVICE  REASON         COUNT  WHAT IT MEANS',
      'tap0    tap-down     1234567  the TAP was down (EIO)',
      'vxlan0  no-vni-flag        1  the I flag of the VXLAN header is not set, so there is no VNI',
      "vxlan0  unmatched          7  no filter took the frame at the ingress of a vxlan device: given to the host's stack there (not lost)",
      '',
    ].join('\n'),
  );
});

test('where nothing was dropped the table says so', (t) => {
  t.is(printDrops(dropRows(DEVICES, [new Counters()])), 'nothing dropped\n');
});
