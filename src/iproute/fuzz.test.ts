// Generated lines and states: nothing that can be typed, or be there, makes a parser or a printer fail.
import test from 'ava';
import fc from 'fast-check';
import { filterState } from './arbitrary-filter.test.helper.js';
import { anyLine, runs, validLines } from './arbitrary-line.test.helper.js';
import { anyVxlan, kernelFdbEntry } from './arbitrary-vxlan.test.helper.js';
import { parseBatchLine, splitBatch } from './batch.js';
import { type Command, CommandError, type OutputOptions } from './commands.js';
import type { LinkState, LinkStatistics } from './link-state.js';
import type { MonitorEvent, MonitorRequest } from './monitor-types.js';
import { parseLine, parseVtepMonitor } from './parse.js';
import { printActions, printActionsGet } from './print-actions.js';
import { printFdb } from './print-fdb.js';
import { printFilterGet, printFilters } from './print-filter.js';
import { printLinks } from './print-link.js';
import { printMonitorEvent } from './print-monitor.js';

/** The command, or the refusal; anything else that is thrown is a defect. */
function tried(parse: () => Command): Command | CommandError {
  try {
    return parse();
  } catch (error) {
    if (error instanceof CommandError) return error;
    throw error;
  }
}

test('the lines that the generators begin with are right', (t) => {
  for (const line of validLines) {
    const command = tried(() => parseBatchLine(line.split(' ')));
    t.false(command instanceof CommandError, `${line}: ${String(command)}`);
  }
});

test('whatever is typed is a command or a refusal with a text and an exit code', (t) => {
  let refusals = 0;
  let commands = 0;
  fc.assert(
    fc.property(anyLine, ([tool, words]) => {
      const found = tried(() => parseLine(tool, words));
      if (!(found instanceof CommandError)) {
        commands++;
        return;
      }
      refusals++;
      if (found.message === '' || ![1, 2, 255].includes(found.exitCode))
        throw new Error(`${found.exitCode} ${found.message}`);
    }),
    { seed: 31, numRuns: runs(3000) },
  );
  // Both are worth something only where there are enough of each.
  t.true(commands > 300 && refusals > 300, `${commands} ${refusals}`);
});

test('whatever is typed behind vtep monitor is a monitor, its help or a refusal', (t) => {
  fc.assert(
    fc.property(anyLine, ([, words]) => {
      tried(() => parseVtepMonitor(words));
    }),
    { seed: 32, numRuns: runs(500) },
  );
  t.pass();
});

test('whatever a batch file holds is split into words, or refused with the line', (t) => {
  const piece = fc.oneof(
    anyLine.map(([tool, words]) => `${tool} ${words.map((word) => word.slice(0, 100)).join(' ')}`),
    fc.constantFrom('"', "'", '#', '\\\n', '\n', '\r\n', '\t', '\0', '\uFEFF', ' '),
    fc.string({ unit: 'binary', maxLength: 20 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      try {
        for (const { words } of splitBatch(pieces.join(''))) tried(() => parseBatchLine(words));
      } catch (error) {
        if (!(error instanceof CommandError) || !/ line \d+$/.test(error.message)) throw error;
      }
    }),
    { seed: 33, numRuns: runs(800) },
  );
  t.pass();
});

const output: fc.Arbitrary<OutputOptions> = fc.record({
  statistics: fc.boolean(),
  details: fc.boolean(),
  json: fc.boolean(),
  pretty: fc.boolean(),
});

/** Text, or JSON that parses. */
function check(text: string, { json }: OutputOptions): void {
  if (json) JSON.parse(text);
  else if (/undefined|NaN|\[object/.test(text)) throw new Error(text);
}

const counters = [
  'rxBytes',
  'rxPackets',
  'rxErrors',
  'rxDropped',
  'rxMissed',
  'multicast',
  'rxLengthErrors',
  'rxCrcErrors',
];
counters.push('rxFrameErrors', 'rxFifoErrors', 'rxOverErrors', 'txBytes', 'txPackets', 'txErrors', 'txDropped');
counters.push(
  'txCarrierErrors',
  'collisions',
  'txAbortedErrors',
  'txFifoErrors',
  'txWindowErrors',
  'txHeartbeatErrors',
);
counters.push('carrierChanges');

const name = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 15 }),
  fc.constantFrom('tap0', '"', '\\', 'é'),
);

const link: fc.Arbitrary<LinkState> = fc
  .tuple(
    anyVxlan,
    name,
    fc.nat(),
    fc.array(fc.maxSafeNat(), { minLength: counters.length, maxLength: counters.length }),
  )
  .chain(([options, text, number, counts]) =>
    fc.record({
      ifindex: fc.constant(number),
      name: fc.constant(text),
      flags: fc.subarray(['NO-CARRIER', 'BROADCAST', 'UP', 'LOWER_UP']),
      mtu: fc.nat(),
      qdisc: name,
      operstate: fc.constantFrom('UP', 'DOWN'),
      mode: fc.constant('DEFAULT'),
      group: name,
      qlen: fc.nat(),
      address: fc.uint8Array({ minLength: 6, maxLength: 6 }),
      promiscuity: fc.nat(),
      allmulti: fc.nat(),
      minMtu: fc.nat(),
      maxMtu: fc.nat(),
      details: fc.constant({ kind: 'vxlan' as const, options }),
      numTxQueues: fc.nat(),
      numRxQueues: fc.nat(),
      gsoMaxSize: fc.nat(),
      gsoMaxSegs: fc.nat(),
      tsoMaxSize: fc.nat(),
      tsoMaxSegs: fc.nat(),
      groMaxSize: fc.nat(),
      statistics: fc.constant(
        Object.fromEntries(counters.map((counter, i) => [counter, counts[i] ?? 0])) as unknown as LinkStatistics,
      ),
      alias: name,
      altnames: fc.array(name, { maxLength: 3 }),
    }),
  );

const entry = fc
  .tuple(kernelFdbEntry('vxlan0', 'lo', true), fc.nat(), fc.nat())
  .map(([found, used, updated]) => ({ ...found, used, updated }));

test('any filters, links, actions and entries print in every layout, and their JSON parses', (t) => {
  fc.assert(
    fc.property(fc.array(filterState, { maxLength: 4 }), link, entry, output, (filters, one, fdb, how) => {
      check(printFilters(filters, { dev: 'lo', parent: 'ingress' }, how), how);
      const [first] = filters;
      if (first) {
        check(printFilterGet(first, how), how);
        check(printActions(first.actions, how) || '[]', how);
        check(printActionsGet(first.actions, how) || '[]', how);
      }
      if (how.json) JSON.parse(printLinks([one, one], how));
      else printLinks([one], how);
      check(printFdb([fdb], {}, how), how);
    }),
    { seed: 34, numRuns: runs(500) },
  );
  t.pass();
});

const event: fc.Arbitrary<MonitorEvent> = fc.oneof(
  fc.record({ type: fc.constant('link' as const), link, deleted: fc.boolean() }),
  fc.record({
    type: fc.constant('filter' as const),
    filter: filterState,
    event: fc.constantFrom('added', 'replaced', 'changed', 'deleted'),
  }),
  fc.record({ type: fc.constant('priority' as const), priority: filterState }),
  fc.record({ type: fc.constant('chain' as const), dev: name, chain: fc.nat(), deleted: fc.boolean() }),
  filterState
    .filter(({ actions }) => actions.length > 0)
    .map(({ actions }) => ({ type: 'actions' as const, event: 'replaced' as const, actions })),
  fc.record({ type: fc.constant('actions-flush' as const), kind: fc.constant('gact' as const), count: fc.nat() }),
  fc.record({ type: fc.constant('fdb' as const), entry, deleted: fc.boolean() }),
  fc.record({ type: fc.constant('miss' as const), dev: name, ip: fc.uint8Array({ minLength: 16, maxLength: 16 }) }),
  fc.record({
    type: fc.constant('qdisc' as const),
    qdisc: fc.record({
      dev: name,
      qdisc: fc.constantFrom('ingress', 'clsact'),
      bytes: fc.maxSafeNat(),
      packets: fc.maxSafeNat(),
      drops: fc.maxSafeNat(),
      overlimits: fc.nat(),
    }),
    deleted: fc.boolean(),
  }),
);

const subjects = fc.constantFrom<MonitorRequest['subjects'][]>(
  ['link', 'qdisc', 'chain', 'filter', 'actions', 'fdb', 'miss'],
  ['bridge-link', 'neigh', 'miss', 'qdisc', 'chain', 'filter', 'actions'],
);

test('any event prints for any monitor; JSON is one object on each line', (t) => {
  fc.assert(
    fc.property(
      event,
      fc.record({ subjects, label: fc.boolean(), timestamp: fc.constantFrom('long', 'short'), output }),
      fc.nat({ max: 2 ** 42 }),
      (one, request, at) => {
        const text = printMonitorEvent({ at: at * 1000 + 17, event: one }, request);
        if (text === '' || !text.endsWith('\n')) throw new Error(`no line: ${text}`);
        if (!request.output.json) return;
        const { object, timestamp } = JSON.parse(text) as { object: unknown; timestamp: unknown };
        if (typeof object !== 'string' || typeof timestamp !== 'string') throw new Error(text);
        if (!request.output.pretty && text.trimEnd().includes('\n')) throw new Error(text);
      },
    ),
    { seed: 35, numRuns: runs(800) },
  );
  t.pass();
});
