import test from 'ava';
import { barOf, chart } from './chart.js';
import { EXAMPLE } from './example-result.js';
import type { RowResult } from './result.js';

const [tcp, rtt] = EXAMPLE.rows as readonly [RowResult, RowResult];

function attribute(element: string, name: string): number {
  return Number(new RegExp(` ${name}="([\\d.]+)"`).exec(element)?.[1]);
}

function elements(svg: string, kind: string): string[] {
  return svg.match(new RegExp(`<\\w+ [^>]*class="${kind}"[^>]*>`, 'g')) ?? [];
}

test('a throughput’s bar is the ratio, a round trip’s is turned over', (t) => {
  const bar = barOf(tcp, 'kernel');
  t.deepEqual([bar.speed, bar.low, bar.high, bar.target], [tcp.ratio.median, tcp.ratio.min, tcp.ratio.max, 0.6]);
  const turned = barOf({ ...rtt, target: 4 }, 'kernel');
  t.deepEqual([turned.speed, turned.low, turned.high, turned.target], [1 / 5, 1 / 6, 1 / 4, 0.25]);
});

test('a bar says its ratio and both figures', (t) => {
  t.is(barOf(tcp, 'kernel').label, '0.60 (2.28 Gb/s, kernel 4.00)');
  t.is(barOf(rtt, 'kernel').label, '5.0 × (35.0 µs, kernel 7.0)');
});

test('lengths are in proportion, and the line of equality stands at 1', (t) => {
  const svg = chart(EXAMPLE);
  const [first = '', second = ''] = elements(svg, 'bar');
  const [equal = ''] = elements(svg, 'equal');
  const one = attribute(equal, 'x1') - attribute(first, 'x');
  t.true(Math.abs(attribute(first, 'width') / one - tcp.ratio.median) < 0.002);
  t.true(Math.abs(attribute(second, 'width') / one - 1 / rtt.ratio.median) < 0.002);
  t.is(attribute(equal, 'x1'), attribute(equal, 'x2'));
});

test('a bar longer than the kernel’s stays inside the picture', (t) => {
  const ratio = { values: [3], median: 3, min: 2.5, max: 3.2 };
  const svg = chart({ ...EXAMPLE, rows: [{ ...tcp, ratio }] });
  const [bar = ''] = elements(svg, 'bar');
  const [equal = ''] = elements(svg, 'equal');
  const end = attribute(bar, 'x') + attribute(bar, 'width');
  t.true(end > attribute(equal, 'x1') && end < 860 - 250);
});

test('a target is marked where there is one', (t) => {
  t.is(elements(chart(EXAMPLE), 'target').length, 1);
  t.is(elements(chart({ ...EXAMPLE, rows: [rtt] }), 'target').length, 0);
});

test('every element is closed and no word breaks out of its place', (t) => {
  const svg = chart({ ...EXAMPLE, rows: [{ ...tcp, title: '<b>"R&D"</b>' }] });
  t.true(svg.includes('&lt;b&gt;&quot;R&amp;D&quot;&lt;/b&gt;'));
  const open: string[] = [];
  for (const [, close, name = '', single] of svg.matchAll(/<(\/?)(\w+)[^>]*?(\/?)>/g)) {
    if (close === '/') t.is(open.pop(), name);
    else if (single !== '/') open.push(name);
  }
  t.deepEqual(open, []);
  t.notRegex(svg, /NaN|undefined/);
});

test('nothing measured is an empty chart', (t) => {
  t.notRegex(chart({ ...EXAMPLE, rows: [] }), /NaN|Infinity/);
});
