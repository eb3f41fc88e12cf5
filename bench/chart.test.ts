import { readFileSync } from 'node:fs';
import test from 'ava';
import { barOf, chart, labelOf, targetOf } from './chart.js';
import { ENDPOINT_KINDS } from './endpoints/endpoint.js';
import { EXAMPLE } from './example-result.js';
import type { Result, RowResult } from './result.js';

const [tcp, rtt, idle] = EXAMPLE.rows as readonly [RowResult, RowResult, RowResult];

function attribute(element: string, name: string): number {
  return Number(new RegExp(` ${name}="([\\d.]+)"`).exec(element)?.[1]);
}

function elements(svg: string, kind: string): string[] {
  return svg.match(new RegExp(`<\\w+ [^>]*class="${kind}"[^>]*>`, 'g')) ?? [];
}

test('a throughput’s bar is the ratio, a round trip’s is turned over', (t) => {
  const { median, min, max } = tcp.ratios.vtep ?? { median: 0, min: 0, max: 0 };
  t.deepEqual(barOf(tcp, 'vtep'), { speed: median, low: min, high: max });
  t.is(targetOf(tcp), 0.6);
  t.deepEqual(barOf(rtt, 'vtep'), { speed: 1 / 5, low: 1 / 6, high: 1 / 4 });
  t.is(targetOf({ ...rtt, target: 4 }), 0.25);
});

test('what has no ratio has no bar', (t) => {
  t.is(barOf(rtt, 'ovs'), undefined);
  t.is(barOf(idle, 'vtep'), undefined);
  t.is(elements(chart(EXAMPLE), 'bar').length, 2);
  t.is(elements(chart(EXAMPLE), 'other').length, 1);
});

test('a bar says its ratio and both figures', (t) => {
  t.is(labelOf(tcp, 'vtep', 'kernel'), '0.60 (2.28 Gb/s, kernel 4.00)');
  t.is(labelOf(rtt, 'vtep', 'kernel'), '5.0 × (35.0 µs, kernel 7.0)');
});

test('lengths are in proportion, and the line of equality stands at 1', (t) => {
  const svg = chart(EXAMPLE);
  const [first = '', second = ''] = elements(svg, 'bar');
  const [other = ''] = elements(svg, 'other');
  const [equal = ''] = elements(svg, 'equal');
  const one = attribute(equal, 'x1') - attribute(first, 'x');
  t.true(Math.abs(attribute(first, 'width') / one - (barOf(tcp, 'vtep')?.speed ?? 0)) < 0.002);
  t.true(Math.abs(attribute(second, 'width') / one - 1 / 5) < 0.002);
  t.true(Math.abs(attribute(other, 'width') / one - (barOf(tcp, 'ovs')?.speed ?? 0)) < 0.002);
  t.is(attribute(equal, 'x1'), attribute(equal, 'x2'));
});

test('a bar longer than the kernel’s stays inside the picture', (t) => {
  const ratios = { vtep: { values: [3], median: 3, min: 2.5, max: 3.2 } };
  const svg = chart({ ...EXAMPLE, rows: [{ ...tcp, ratios }] });
  const [bar = ''] = elements(svg, 'bar');
  const [equal = ''] = elements(svg, 'equal');
  const end = attribute(bar, 'x') + attribute(bar, 'width');
  t.true(end > attribute(equal, 'x1') && end < 880 - 230);
});

test('the names of the rows fit beside the bars, in a wide font too', (t) => {
  const { rows } = JSON.parse(readFileSync('bench/results/baseline.json', 'utf8')) as Result;
  const svg = chart({ ...EXAMPLE, rows: rows.map(({ title }) => ({ ...tcp, title })) });
  const titles = [...svg.matchAll(/<text x="([\d.]+)" y="[\d.]+" class="title">([^<]*)</g)];
  t.is(titles.length, rows.length);
  for (const [, end, title = ''] of titles) t.true(Number(end) - title.length * 7.4 > 0, title);
});

test('as many endpoints as there are have a colour each, and words that do not overlap', (t) => {
  const others = ENDPOINT_KINDS.filter((kind) => kind !== 'kernel' && kind !== 'vtep');
  const ratio = { values: [1], median: 1, min: 1, max: 1 };
  const ratios = Object.fromEntries(['vtep', ...others].map((name) => [name, ratio]));
  const svg = chart({ ...EXAMPLE, others, rows: [{ ...tcp, ratios }] });
  const fills = elements(svg, 'other').map((bar) => / fill="(#\w{6})"/.exec(bar)?.[1]);
  t.is(new Set(fills).size, others.length);
  t.false(fills.includes(undefined));
  const words = [...svg.matchAll(/<text x="(\d+)" y="71" class="sub">([^<]*)</g)].map(
    ([, x, word = '']) => [Number(x), Number(x) + word.length * 6.5] as const,
  );
  t.is(words.length, others.length + 1);
  for (const [i, [, end]] of words.entries()) t.true(end < (words[i + 1]?.[0] ?? 880));
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
