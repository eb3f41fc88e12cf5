// Every case of receive/ through the whole pipeline, in memory: what comes out, what is counted, which filters match.
import test from 'ava';
import { LocalEndpoint } from '../../src/lab/local-endpoint.js';
import { REASONS } from '../../src/memory/reasons.js';
import { OFFLOAD_CSUM, OFFLOAD_TSO4, OFFLOAD_TSO6, OFFLOAD_USO4, OFFLOAD_USO6 } from '../../src/offload/offloads.js';
import { arriving } from '../netns/arriving.js';
import { framesOf, type ReceiveCase, type ReceivedFrame, receiveCases } from './receive-cases.js';
import { batchOf, DEVICES } from './receive-endpoint.js';

const PEER = '192.0.2.1';
const HERE = '192.0.2.2';
const ALL = OFFLOAD_CSUM | OFFLOAD_TSO4 | OFFLOAD_TSO6 | OFFLOAD_USO4 | OFFLOAD_USO6;
const KINDS: Readonly<Record<number, 'tcpv4' | 'tcpv6' | 'udp'>> = { 1: 'tcpv4', 4: 'tcpv6', 5: 'udp' };
const cases = receiveCases();

function packetOf({ on, outer }: ReceiveCase, payload: Uint8Array): Uint8Array {
  const whole = Buffer.alloc(Math.max(8, payload.length));
  whole.set(payload);
  const frame = arriving({
    source: Uint8Array.from((outer.from ?? PEER).split('.').map(Number)),
    destination: Uint8Array.from(HERE.split('.').map(Number)),
    ...{ toMac: '02:00:00:00:00:01', fromMac: '02:00:00:00:00:02', port: DEVICES[on].port, tos: outer.ecn },
    ...{
      first: whole.readUInt32BE(0),
      last: whole.readUInt32BE(4),
      inner: whole.toString('hex', 8),
      cut: payload.length,
    },
  });
  return Uint8Array.from(Buffer.from(frame.slice(28), 'hex'));
}

interface Outcome {
  /** By device. */
  readonly frames: Readonly<Record<string, readonly string[]>>;
  readonly reasons: Readonly<Record<string, number>>;
  /** Packets that each filter of vxlan0 has matched, by pref. */
  readonly matched: ReadonlyMap<number, number>;
  readonly learned: readonly string[];
}

function describe({ bytes, gso }: ReceivedFrame): string {
  const hex = Buffer.from(bytes).toString('hex');
  return gso === undefined ? hex : `${gso.kind} ${gso.size} ${hex}`;
}

async function outcomeOf(one: ReceiveCase, trains: boolean, classifier: 'tuple-space' | 'linear'): Promise<Outcome> {
  const endpoint = await LocalEndpoint.from(batchOf(PEER, one).join('\n'), 'batch', { classifier });
  const { engine, counters } = endpoint.datapath;
  engine.setCoalescing(true);
  engine.setTrains(trains);
  for (const { index, port } of endpoint.devices.values()) engine.setPort(index, port, ALL);
  endpoint.receive(...one.datagrams.map((payload) => packetOf(one, payload)));
  const frames: Record<string, string[]> = {};
  for (const { name, port } of endpoint.devices.values()) {
    const written = port.written.splice(0).map(({ bytes, vnetHeader }) => {
      const kind = KINDS[vnetHeader[1] ?? 0];
      const size = (vnetHeader[4] ?? 0) | ((vnetHeader[5] ?? 0) << 8);
      return describe({ bytes, ...(kind && { gso: { kind, size } }) });
    });
    if (written.length > 0) frames[name] = written;
  }
  const index = endpoint.devices.get(DEVICES[one.on].name)?.index ?? -1;
  const reasons = Object.fromEntries(
    REASONS.map(({ name }, n) => [name, counters.reasonValue(index, n)] as const).filter(([, count]) => count > 0),
  );
  const matched = new Map<number, number>();
  for (const { pref, actions } of endpoint.state.rules.list({ dev: 'vxlan0', parent: 'ingress' }))
    matched.set(pref, actions[0]?.statistics.packets ?? 0);
  return { frames, reasons, matched, learned: learnedBy(endpoint, one) };
}

/** Which source addresses of the case's frames a classic device now knows the way to: it sends there. */
function learnedBy(endpoint: LocalEndpoint, { datagrams }: ReceiveCase): string[] {
  const device = endpoint.devices.get(DEVICES.classic.name);
  if (device === undefined) throw new Error('there is no classic device');
  endpoint.takeOutput();
  const sources = [...new Set(datagrams.map((payload) => Buffer.from(payload.slice(14, 20)).toString('hex')))];
  return sources.filter((mac) => {
    if (mac.length < 12) return false;
    endpoint.send(device, Uint8Array.from(Buffer.from(`${mac}02000000000188b5`, 'hex')));
    return endpoint.takeOutput().some(({ kind }) => kind === 'packet');
  });
}

for (const one of cases) {
  test(`${one.file}: ${one.title}`, async (t) => {
    const expected = framesOf(one).map(describe);
    const dev = one.on === 'classic' || one.expect === 'stack' ? DEVICES[one.on].name : 'tap0';
    for (const [trains, classifier] of [
      [true, 'tuple-space'],
      [false, 'linear'],
    ] as const) {
      const { frames, reasons, matched, learned } = await outcomeOf(one, trains, classifier);
      t.deepEqual(frames, expected.length > 0 ? { [dev]: expected } : {});
      const count = one.datagrams.length;
      t.deepEqual(reasons, {
        ...(one.reason !== undefined && { [one.reason]: count }),
        ...(one.reason === undefined && dev !== 'tap0' && { unmatched: count }),
        ...Object.fromEntries(one.counts.map((name) => [name, count])),
      });
      one.keys.forEach((words, n) => {
        t.is(matched.get(1 + n), count, `every frame matches ${words}`);
      });
      one.noKeys.forEach((words, n) => {
        t.is(matched.get(50 + n), 0, `no frame matches ${words}`);
      });
      if (one.learns !== undefined)
        t.deepEqual(
          learned,
          one.learns.map((mac) => mac.replaceAll(':', '')),
        );
    }
  });
}

test('every number of the list has a case, and every file a title that is its own', (t) => {
  const numbers = new Set(cases.flatMap(({ number }) => number ?? []));
  t.deepEqual(
    [...numbers].sort((a, b) => a - b),
    Array.from({ length: 30 }, (_, n) => n + 1),
  );
  const also = new Set(cases.flatMap(({ file, number }) => (number === undefined ? [file] : [])));
  t.deepEqual([...also], ['also-ecn.txt', 'also-longer-than-mtu.txt', 'also-nested.txt', 'also-other-peer.txt']);
  t.is(new Set(cases.map(({ file, title }) => `${file} ${title}`)).size, cases.length);
});

test('a case says what happens to its frames, and names reasons that there are', (t) => {
  const reasons = new Set<string>(REASONS.map(({ name }) => name));
  for (const one of cases) {
    const where = `${one.file}: ${one.title}`;
    t.true(['passed', 'dropped', 'stack', 'frames'].includes(one.expect), where);
    t.true(one.datagrams.length > 0, where);
    t.is(one.frames.length > 0, one.expect === 'frames', where);
    t.is(one.expect === 'dropped', one.reason !== undefined, where);
    for (const name of [...(one.reason ? [one.reason] : []), ...one.counts])
      t.true(reasons.has(name), `${where}: ${name}`);
  }
});
