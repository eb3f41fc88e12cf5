/** Lines of tc against a daemon's rules: what is refused changes nothing, and what is shown can be made again. */
import * as fc from 'fast-check';
import { Bench } from '../../../src/control/kit.test.helper.js';
import { parseBatchLine } from '../../../src/iproute/batch.js';
import { commandWords } from '../../../src/iproute/command-words.js';
import { CommandError } from '../../../src/iproute/commands.js';
import { hold, type Target } from '../target.js';
import { lineOfText } from './batch.js';

const DEVICES = ['vxlan0', 'tap0', 'tap1'] as const;
const KINDS = [
  'gact',
  'mirred',
  'tunnel_key',
  'vlan',
  'pedit',
  'csum',
  'skbedit',
  'police',
  'sample',
  'simple',
] as const;
const SHOWN = [
  ...DEVICES.flatMap((dev) => [
    `filter show dev ${dev} ingress`,
    `filter show dev ${dev} egress`,
    `chain show dev ${dev} ingress`,
  ]),
  ...KINDS.map((kind) => `actions ls action ${kind}`),
];
const MOST_LINES = 40;
/** Lines that all inputs begin behind. */
const PREPARED = DEVICES.map((dev) => `qdisc add dev ${dev} clsact`);

/** But for what a hook is called: as in the kernel even a refused edit says that (tc_new_tfilter sets the block's classid). */
function shown(bench: Bench): string {
  const all = SHOWN.map((line) => bench.tc(line)).join('\0');
  return all.replaceAll(/\b(filter|chain) (parent ffff: |ingress |egress )?/g, '$1 ');
}

/** Does a line; whether it was refused. */
function isRefused(bench: Bench, line: string): boolean {
  try {
    bench.tc(line);
    return false;
  } catch (error) {
    if (error instanceof CommandError) return true;
    throw error;
  }
}

function isForRules(line: string): boolean {
  try {
    const { kind } = parseBatchLine(['tc', ...line.split(/\s+/)]);
    return /^(filter|chain|action|qdisc-(add|del))/.test(kind);
  } catch (error) {
    if (error instanceof CommandError) return true;
    throw error;
  }
}

function run(input: Uint8Array): void {
  const bench = new Bench();
  for (const line of PREPARED) bench.tc(line);
  const lines = Buffer.from(input).toString().split('\n').slice(0, MOST_LINES);
  for (const line of lines.map((each) => each.replace(/^tc /, ''))) {
    if (!isForRules(line)) continue;
    const before = shown(bench);
    if (isRefused(bench, line))
      hold(shown(bench) === before, () => `a line that was refused has changed something: ${line}`);
  }
  for (const dev of DEVICES)
    if (!isRefused(bench, `qdisc del dev ${dev} clsact`))
      hold(bench.tc(`filter show dev ${dev} ingress`) === '', 'filters outlive their qdisc');
}

const KEYS = [
  'dst_mac 02:00:00:00:00:01',
  'src_ip 10.0.0.0/8',
  'dst_ip 10.0.0.1',
  'ip_proto tcp dst_port 80',
  'ip_proto udp src_port 1-9',
  'enc_key_id 4',
  'enc_src_ip 10.0.0.2',
  '',
];
const ACTIONS = [
  'action drop',
  'action pass index 3',
  'action goto chain 5',
  'action goto chain 1 index 3',
  'action mirred egress redirect dev tap0',
  'action mirred egress mirror dev tap1 pipe index 3 action drop',
  'action tunnel_key unset pipe action mirred egress redirect dev nowhere',
  'action tunnel_key set src_ip 10.0.0.1 dst_ip 10.0.0.2 id 7 dst_port 4789',
  'action vlan push id 5 action jump 1',
  'action police rate 1mbit burst 10k',
  'action gact index 3',
  '',
];
const filter = fc
  .record({
    verb: fc.constantFrom('add', 'add', 'add', 'replace', 'change', 'del'),
    dev: fc.constantFrom(...DEVICES, 'nowhere'),
    hook: fc.constantFrom('ingress', 'ingress', 'egress', 'parent ffff:'),
    protocol: fc.constantFrom('protocol ip', 'protocol ip', 'protocol all', 'protocol ipv6', ''),
    pref: fc.constantFrom('pref 1', 'pref 1', 'pref 2', ''),
    chain: fc.constantFrom('', '', 'chain 5', 'chain 1'),
    handle: fc.constantFrom('', '', 'handle 1', 'handle 0x2'),
    key: fc.constantFrom(...KEYS),
    action: fc.constantFrom(...ACTIONS),
  })
  .map(({ verb, dev, hook, protocol, pref, chain, handle, key, action }) =>
    verb === 'del'
      ? `filter del dev ${dev} ${hook} ${protocol} ${pref} ${chain} ${handle === '' ? '' : `${handle} flower`}`
      : `filter ${verb} dev ${dev} ${hook} ${protocol} ${pref} ${chain} ${handle} flower ${key} ${action}`,
  );
const object = fc.constantFrom(
  ...[
    'actions add action drop index 3',
    'actions add action pass index 3 action mirred egress redirect dev tap0 index 4',
  ],
  ...['actions del action gact index 3', 'actions flush action gact', 'actions replace action pass index 3'],
  ...[
    'actions change action mirred egress redirect dev tap1 index 4',
    'actions del action gact index 3 action gact index 9',
  ],
  ...['chain add dev tap0 ingress chain 5', 'chain del dev tap0 ingress chain 5', 'qdisc del dev tap0 clsact'],
  ...['qdisc add dev tap0 clsact', 'qdisc add dev tap0 ingress', 'filter del dev vxlan0 ingress'],
);

/** How often a line comes again in place of another one: as it was, or at the same place with another handle or verb. */
const again = fc.constantFrom('', '', '', 'same', 'add', 'handle', 'replace');

/** Lines, some of which meet what earlier ones have made: duplicates, other content at the same place. */
function withRepeats(drawn: readonly [string, string, number][]): string[] {
  const lines: string[] = [];
  for (const [line, how, which] of drawn) {
    const earlier = lines.filter((each) => each.startsWith('filter ') && !each.startsWith('filter del'));
    const old = earlier[which % Math.max(1, earlier.length)];
    if (old === undefined || how === '') lines.push(line);
    else if (how === 'same') lines.push(old);
    else if (how === 'handle') lines.push(old.replace(/ handle \S+/, '').replace(' flower', ' handle 7 flower'));
    else lines.push(old.replace(/^filter \w+/, `filter ${how}`).replace(/ handle \S+/, ''));
  }
  return lines;
}

export const target: Target = {
  name: 'rules',
  title: 'lines of tc against the rules of a daemon: one that is refused changes nothing',
  covers: ['control/', 'iproute/parse', 'iproute/print', 'actions/program'],
  generated: fc
    .array(
      fc.tuple(
        fc.oneof(
          { weight: 6, arbitrary: filter },
          { weight: 2, arbitrary: object },
          { weight: 1, arbitrary: lineOfText },
        ),
        again,
        fc.nat(9),
      ),
      { minLength: 1, maxLength: 10 },
    )
    .map(withRepeats)
    .map((lines) => Uint8Array.from(Buffer.from(lines.map((line) => line.trim().replaceAll(/\s+/g, ' ')).join('\n')))),
  longest: 4096,
  dictionary: [...KEYS, ...ACTIONS, ...new Set([...commandWords.values()].flat())].map((word) => ` ${word} `),
  run,
  show: (input) => Buffer.from(input).toString(),
};
