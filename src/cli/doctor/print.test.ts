import test from 'ava';
import type { Reported } from './finding.js';
import { printFindings, printJson, wrap } from './print.js';

const FINDINGS: readonly Reported[] = [
  { section: 'host', check: 'node', level: 'ok', sentence: 'Node.js 20.20.2' },
  {
    section: 'underlay eth0',
    check: 'gro',
    level: 'advice',
    sentence: 'GRO is off: every datagram goes through the stack by itself',
    remedy: 'ethtool -K eth0 gro on',
  },
  { section: 'underlay eth0', check: 'firewall', level: 'unseen', sentence: 'nft is not installed' },
];

test('in a pipe each finding is a line, however long, and each remedy another', (t) => {
  t.is(
    printFindings(FINDINGS, undefined),
    `host
  ok       node      Node.js 20.20.2

underlay eth0
  ADVICE   gro       GRO is off: every datagram goes through the stack by itself
                     → ethtool -K eth0 gro on
  unseen   firewall  nft is not installed

vtep runs here, and would run better, 1 piece of advice, 1 check that could not be made
`,
  );
});

test('a terminal of any width gets no line that is wider, but for words that are', (t) => {
  for (const columns of [40, 50, 71, 72, 80, 100, 200]) {
    for (const line of printFindings(FINDINGS, columns).split('\n'))
      t.true(line.length <= columns, `${columns}: ${line}`);
  }
  t.regex(printFindings(FINDINGS, 10), /^ {4}GRO is off: every datagram goes$/m);
});

test('a narrow terminal has sentences below their checks', (t) => {
  t.regex(printFindings(FINDINGS, 60), /^ {2}ADVICE {3}gro\n {4}GRO is off/m);
});

test('lines break at blanks, and long words stay whole', (t) => {
  t.deepEqual(wrap('a bb ccc', 4), ['a bb', 'ccc']);
  t.deepEqual(wrap('averylongword b', 4), ['averylongword', 'b']);
  t.deepEqual(wrap('', 4), ['']);
});

test('as JSON it is one line with the verdict and every finding', (t) => {
  const text = printJson(FINDINGS);
  t.is(text.split('\n').length, 2);
  t.deepEqual(JSON.parse(text), { version: 1, verdict: 'advice', findings: FINDINGS });
});
