/*
 * A trace against the datapath: the same packets through an endpoint that is watched and through one that is not, by
 * random rules. What comes out, every counter and every statistic of an action must be the same; the rules read one
 * after the other must find what the classifier found; and what is said of a rule must be true of it: a near miss
 * differs in what is told and in nothing else, a match in nothing.
 */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { randomFrom } from '../../classifier/conformance/random-edits.js';
import { createTable } from '../../classifier/create-table.js';
import { readDesired } from '../../control/desired-state.js';
import { filterState } from '../../iproute/arbitrary-filter.test.helper.js';
import { CommandError, type FilterState } from '../../iproute/commands.js';
import { filterCommand } from '../../iproute/filter-command.js';
import { DEVICE_BYTES } from '../../memory/counters.js';
import { anyFrame } from '../../wire/frame-generator.js';
import { LocalDevices } from '../local-devices.js';
import { LocalEndpoint } from '../local-endpoint.js';
import { type Arrival, flowArrival, takePlace } from './flow-words.js';
import type { LookupReport, StepReport, TraceReport } from './report.js';
import { Tracer } from './trace.js';

type Random = (n: number) => number;

/** VTEP_TRACE_SETS=400 VTEP_TRACE_SEED=1, for instance, tries 100,000 packets, and others than ever. */
const SETS = Number(process.env.VTEP_TRACE_SETS ?? 24);
const SEED = Number(process.env.VTEP_TRACE_SEED ?? 20261122);
const PACKETS = 250;

const DEVICES = `
ip link add vxlan0 type vxlan external dstport 4789 gbp
ip link add vxlan1 type vxlan id 9 dstport 4790 remote 192.0.2.9
ip tuntap add dev tap0 mode tap
ip tuntap add dev tap1 mode tap
ip link set vxlan0 up
ip link set vxlan1 up
ip link set tap0 mtu 9000 up
ip link set tap1 up
tc qdisc add dev vxlan0 clsact
tc qdisc add dev vxlan1 clsact
tc qdisc add dev tap0 clsact
tc qdisc add dev tap1 clsact
`;

function pick<T>(random: Random, from: readonly T[]): T {
  const one = from[random(from.length)];
  if (one === undefined) throw new Error('nothing to pick from');
  return one;
}

/** What packets have and rules ask for: few values, so that they meet. */
const VALUES = {
  enc_key_id: ['4', '5'],
  enc_src_ip: ['10.0.0.1', '10.0.0.2'],
  enc_ttl: ['64', '9'],
  dst_mac: ['02:00:00:00:00:02', '02:00:00:00:00:03'],
  dst_ip: ['10.4.0.1', '10.4.0.2', '10.5.0.1'],
  src_ip: ['10.4.0.1', '10.4.0.9'],
  ip_tos: ['0x20', '0'],
  dst_port: ['80', '443', '81'],
  src_port: ['1000', '2000'],
} as const;
const WITH_MASKS: Readonly<Record<string, readonly string[]>> = {
  dst_ip: ['10.4.0.0/16', '10.0.0.0/8', '10.4.0.1/31'],
  enc_src_ip: ['10.0.0.0/24'],
  dst_port: ['80-100', '70-90', '443-444', '80/0xfff0'],
  src_port: ['1000-1999'],
};

function someKeys(random: Random, names: readonly (keyof typeof VALUES)[], isRule: boolean): string[] {
  return names.flatMap((name) => {
    if (isRule && random(6) !== 0) return [];
    const masked = isRule && random(2) === 0 ? WITH_MASKS[name] : undefined;
    return [name, pick(random, masked ?? VALUES[name])];
  });
}

const TRANSPORTS = ['tcp', 'udp'] as const;

function ruleKeys(random: Random): { readonly protocol: string; readonly keys: string[] } {
  const tunnel = someKeys(random, ['enc_key_id', 'enc_src_ip', 'enc_ttl', 'dst_mac'], true);
  const extra = random(9) === 0 ? ['indev', pick(random, ['vxlan0', 'tap0'])] : [];
  const protocol = pick(random, ['ip', 'ip', 'ip', 'ip', 'all', 'all', 'ipv6', '802.1Q']);
  if (protocol !== 'ip') return { protocol, keys: [...tunnel, ...extra] };
  const network = someKeys(random, ['dst_ip', 'src_ip', 'ip_tos'], true);
  const flags = random(8) === 0 ? ['ip_flags', pick(random, ['frag', 'nofrag'])] : [];
  const transport =
    random(2) === 0 ? ['ip_proto', pick(random, TRANSPORTS), ...someKeys(random, ['dst_port', 'src_port'], true)] : [];
  return { protocol, keys: [...tunnel, ...extra, ...network, ...flags, ...transport] };
}

const EDITS = [
  'action tunnel_key unset pipe',
  'action tunnel_key set src_ip 10.9.0.1 dst_ip 10.9.0.2 id 5 dst_port 4789 pipe',
  'action pedit ex munge ip dst set 10.4.0.2 pipe action csum ip and tcp and udp pipe',
  'action pedit ex munge eth dst set 02:00:00:00:00:03 pipe',
  'action vlan push id 7 pipe',
  'action vlan pop pipe',
  'action skbedit mark 5 priority 1:2 pipe',
  'action police rate 8kbit burst 200 conform-exceed drop/pipe',
  'action pipe random netrand drop 9',
];
const ENDS = [
  'action mirred egress redirect dev tap0',
  'action mirred egress redirect dev vxlan0',
  'action mirred egress redirect dev vxlan1',
  'action mirred ingress redirect dev tap1',
  'action mirred egress mirror dev tap1 continue',
  ...['action goto chain 1', 'action goto chain 2', 'action goto chain 1', 'action goto chain 2'],
  ...['action continue', 'action continue', 'action continue'],
  'action reclassify',
  'action continue',
  'action drop',
  'action pass',
  'action trap',
  'action jump 2 action drop action mirred egress redirect dev tap0',
];

function randomRule(random: Random): string {
  const [dev, hook] = pick(random, [
    ...[
      ['vxlan0', 'ingress'],
      ['vxlan0', 'ingress'],
      ['tap0', 'ingress'],
      ['tap0', 'ingress'],
    ],
    ...[
      ['vxlan0', 'egress'],
      ['tap0', 'egress'],
      ['tap1', 'ingress'],
      ['vxlan1', 'ingress'],
      ['vxlan1', 'egress'],
    ],
  ]);
  const { protocol, keys } = ruleKeys(random);
  const edits = Array.from({ length: Math.max(0, random(5) - 2) }, () => pick(random, EDITS));
  // A pref is of one protocol.
  const pref = ['ip', 'all', 'ipv6', '802.1Q'].indexOf(protocol) + 1 + 4 * random(5);
  const chain = pick(random, [0, 0, 1, 1, 2]);
  const words = [`tc filter add dev ${dev} ${hook} protocol ${protocol} pref ${pref} chain ${chain} flower`];
  return [...words, ...keys, ...edits, pick(random, ENDS)].join(' ');
}

/** Rules that a new endpoint takes, with what it makes of them. */
async function rulesOf(lines: readonly string[], hosts: readonly string[]): Promise<string> {
  let kept = [...lines];
  for (;;) {
    const text = `${DEVICES}${kept.map((line) => `${line}\n`).join('')}`;
    try {
      await readDesired(text, 'rules', new LocalDevices(hosts), () => createTable('tuple-space'));
      return text;
    } catch (error) {
      const at = error instanceof CommandError ? Number(/rules:(\d+)/.exec(error.message)?.[1]) : Number.NaN;
      const line = text.split('\n')[at - 1] ?? '';
      if (!kept.includes(line)) throw error;
      kept = kept.filter((one) => one !== line);
    }
  }
}

function randomWords(random: Random): string[] {
  const inner = [
    ...someKeys(random, ['dst_mac', 'dst_ip', 'src_ip', 'ip_tos'], false),
    ...['ip_proto', pick(random, TRANSPORTS), ...someKeys(random, ['dst_port', 'src_port'], false)],
    ...(random(12) === 0 ? ['ip_flags', pick(random, ['frag', 'frag/firstfrag'])] : []),
  ];
  const place = random(5);
  if (place < 2) return ['dev', 'tap0', ...inner];
  if (place === 2) return ['dev', pick(random, ['vxlan0', 'vxlan1']), 'egress', ...inner];
  if (place === 3) return ['dev', 'vxlan1', ...inner];
  return ['dev', 'vxlan0', ...someKeys(random, ['enc_key_id', 'enc_src_ip', 'enc_ttl'], false), ...inner];
}

function arrivalOf(endpoint: LocalEndpoint, words: readonly string[], odd: Uint8Array | undefined): Arrival {
  const { place, rest } = takePlace(endpoint, words);
  if (!place) throw new Error('no place');
  const arrival = flowArrival(place, rest);
  if (!odd) return arrival;
  if (arrival.from === 'host') return { ...arrival, bytes: odd };
  // Behind the outer headers and the VXLAN header; they tell another length then, and are believed only where they fit.
  const bytes = arrival.bytes.slice();
  bytes.set(odd.subarray(0, bytes.length - 50), 50);
  return { ...arrival, bytes };
}

function lookups(steps: readonly StepReport[]): LookupReport[] {
  return steps.flatMap((step) => {
    if (step.kind === 'lookup') return [step];
    return step.kind === 'hook' || step.kind === 'action' ? lookups(step.steps) : [];
  });
}

function actions(steps: readonly StepReport[]): number {
  return steps.reduce(
    (sum, step) =>
      sum + Number(step.kind === 'action') + (step.kind === 'hook' || step.kind === 'action' ? actions(step.steps) : 0),
    0,
  );
}

interface Tally {
  packets: number;
  lookups: number;
  matches: number;
  misses: number;
  actions: number;
  /** Rules found in other chains than the first. */
  chained: number;
  /** Look-ups that `continue` led to. */
  continued: number;
  /** Lines that are in force. */
  rules: number;
}

const none = (): Tally => ({
  ...{ packets: 0, lookups: 0, matches: 0, misses: 0, actions: 0, chained: 0, continued: 0, rules: 0 },
});

/** Both endpoints have the packet; everything that can be seen of either is compared. */
class Pair {
  private readonly plain: LocalEndpoint;
  private readonly tracer: Tracer;
  readonly tally: Tally;

  private constructor(plain: LocalEndpoint, tracer: Tracer, tally: Tally) {
    this.plain = plain;
    this.tracer = tracer;
    this.tally = tally;
  }

  static async of(text: string, hosts: readonly string[], isLinear: boolean, tally: Tally): Promise<Pair> {
    const plain = await LocalEndpoint.from(text, 'rules', {
      hosts,
      start: 1000,
      classifier: isLinear ? 'linear' : 'tuple-space',
    });
    return new Pair(plain, await Tracer.from(text, 'rules', { hosts, start: 1000, near: 1000 }), tally);
  }

  give(t: ExecutionContext, words: readonly string[], odd: Uint8Array | undefined, time: number): TraceReport {
    const { plain, tracer, tally } = this;
    plain.setTime(time);
    tracer.endpoint.setTime(time);
    const report = tracer.trace(arrivalOf(tracer.endpoint, words, odd));
    const arrival = arrivalOf(plain, words, odd);
    if (arrival.from === 'underlay') plain.receive(arrival.bytes);
    else plain.send(arrival.device, arrival.bytes);
    const where = words.join(' ');
    // As one string: AVA's comparison of objects takes longer than both endpoints.
    const told = report.outputs.map(({ device, kind, bytes }) => [device, kind, bytes].join(' ')).join('\n');
    const sent = plain
      .takeOutput()
      .map(({ device, kind, bytes }) => [device, kind, Buffer.from(bytes).toString('hex')].join(' '));
    if (told !== sent.join('\n')) t.is(told, sent.join('\n'), where);
    tally.packets++;
    tally.actions += actions(report.steps);
    for (const { agrees, match, missed, near_misses, chain, from_pref } of lookups(report.steps)) {
      if (!agrees || missed !== near_misses.length || near_misses.some(({ differs }) => differs.length === 0)) {
        t.fail(`${where}\n${JSON.stringify(report.steps)}`);
      }
      tally.lookups++;
      tally.matches += Number(match !== null);
      tally.misses += near_misses.length;
      tally.chained += Number(match !== null && chain > 0);
      tally.continued += Number(from_pref > 0);
    }
    return report;
  }

  /** Every counter and statistic. The tables differ in how many probes they need. */
  compare(t: ExecutionContext, isLinear: boolean): void {
    const { datapath } = this.plain;
    const watched = this.tracer.endpoint.datapath;
    const counters = (buffer: SharedArrayBuffer): Uint8Array =>
      new Uint8Array(buffer, 0, isLinear ? DEVICE_BYTES : buffer.byteLength);
    t.is(Buffer.compare(counters(watched.counters.buffer), counters(datapath.counters.buffer)), 0);
    t.deepEqual(watched.actionCounters.slabs, datapath.actionCounters.slabs);
  }
}

test('a trace says what the datapath does, on thousands of random packets and rules', async (t) => {
  const random = randomFrom(SEED);
  const tally = none();
  const frames = fc.sample(anyFrame(), { numRuns: 1000, seed: 5 });
  for (let set = 0; set < SETS; set++) {
    const lines = Array.from({ length: 5 + random(120) }, () => randomRule(random));
    const isLinear = set % 2 === 1;
    const text = await rulesOf(lines, []);
    tally.rules += text.split('\n').filter((line) => line.startsWith('tc filter')).length;
    const pair = await Pair.of(text, [], isLinear, tally);
    for (let n = 0; n < PACKETS; n++) {
      const odd = random(4) === 0 ? pick(random, frames) : undefined;
      pair.give(t, randomWords(random), odd, 1000 + n * 10);
    }
    pair.compare(t, isLinear);
  }
  t.log(tally);
  t.true(tally.packets === SETS * PACKETS && tally.lookups > 200 * SETS && tally.matches > 125 * SETS);
  t.true(tally.misses > 400 * SETS && tally.actions > 200 * SETS);
  t.true(tally.chained > 20 * SETS && tally.continued > 20 * SETS);
});

test('every key that a filter may have is told of where it differs, and agrees where it does not', async (t) => {
  const random = randomFrom(7);
  const tally = none();
  const hosts = ['eth0', 'lo', 'a.b-c_d'];
  const states = fc.sample(filterState, { numRuns: 600, seed: 11 });
  const frames = fc.sample(anyFrame(), { numRuns: 300, seed: 6 });
  for (let set = 0; set < 4; set++) {
    const lines = states.slice(set * 150, (set + 1) * 150).map((state, n) => lineOf(state, n));
    const pair = await Pair.of(await rulesOf(lines, hosts), hosts, false, tally);
    for (let n = 0; n < 100; n++) pair.give(t, randomWords(random), pick(random, frames), 1000 + n);
    pair.compare(t, false);
  }
  t.log(tally);
  t.true(tally.packets === 400 && tally.misses > 5000);
});

/** The line that makes a filter, at one of a few hooks, without an index that another may have. */
function lineOf(state: FilterState, n: number): string {
  const [dev, parent] =
    n % 3 === 0 ? ['tap0', 'ingress' as const] : (['vxlan0', n % 3 === 1 ? 'ingress' : 'egress'] as const);
  const actions = state.actions.map((action) => {
    const { index: _index, ...spec } = action.spec;
    return { ...action, spec: { ...spec, index: n * 8 + 1 + state.actions.indexOf(action) } };
  });
  const words = filterCommand({ ...state, dev, parent, chain: 0, pref: 1 + n, handle: 1, actions });
  return `tc ${words.join(' ')}`;
}
