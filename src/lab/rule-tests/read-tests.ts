import { flowerKeys } from '../../iproute/flower-keys.js';
import { REASONS } from '../../memory/reasons.js';
import type { Expectation, ExpectedCounters, ExpectedOutput, RuleCase, RuleTests } from './expectation.js';
import { meant, NodeReader, type Place } from './node-reader.js';

/** Fields of what leaves, beside the keys of flower. */
export const OUTPUT_FIELDS = ['to', 'length', 'hex'] as const;
const FIELDS: readonly string[] = [
  ...new Set([...flowerKeys.map(({ printed, name }) => printed ?? name), ...OUTPUT_FIELDS]),
];
const COUNTERS = ['packets', 'bytes', 'drops', 'overlimits'] as const;
const VERDICTS: readonly string[] = ['continue', 'pass', 'reclassify', 'drop', 'pipe', 'stolen', 'trap', 'goto'];
/** Packets of a case. */
const MOST_PACKETS = 10_000;
/** Packets of one batch: as many as a worker receives at once. */
const MOST_MERGED = 32;

/**
 * Reads a file of rule tests. `readFile` reads the batch file that it names, relative to it. Throws CommandError, which
 * names file, line, column and the word.
 */
export function readTests(text: string, file: string, readFile: (name: string) => string): RuleTests {
  const { root } = new NodeReader(text, file);
  const members = root.members(['rules', 'hosts', 'cases'], ['rules', 'cases']);
  const rules = place(members, 'rules');
  const said = rules.text();
  const isInline = said.includes('\n');
  const cases = place(members, 'cases').items();
  if (cases.length === 0) throw place(members, 'cases').refuse('there is no case');
  return {
    file,
    // Lines behind "|" are called by their places in this file.
    rules: isInline ? `${'\n'.repeat(rules.isLiteral ? rules.line : 0)}${said}` : readNamed(rules, said, readFile),
    rulesName: isInline ? (rules.isLiteral ? file : `${file} (rules)`) : said,
    hosts:
      members
        .get('hosts')
        ?.items()
        .map((host) => host.text()) ?? [],
    cases: cases.map(readCase),
  };
}

function readNamed(at: Place, name: string, readFile: (name: string) => string): string {
  try {
    return readFile(name);
  } catch (error) {
    throw at.refuse(`"${name}" cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function readCase(at: Place, n: number): RuleCase {
  const members = at.members(['name', 'packet', 'packets', 'repeat', 'merge', 'expect'], ['expect']);
  const one = members.get('packet');
  const many = members.get('packets');
  if ((one === undefined) === (many === undefined)) throw at.refuse('a case has either a "packet" or "packets"');
  const repeat = members.get('repeat')?.number(1) ?? 1;
  const merge = members.get('merge')?.flag() ?? false;
  const said = (one ? [one] : (many?.items() ?? [])).map((packet) => ({ at: packet, words: wordsOf(packet) }));
  const total = said.length * repeat;
  const most = merge ? MOST_MERGED : MOST_PACKETS;
  if (total === 0 || total > most)
    throw (members.get('repeat') ?? many ?? at).refuse(
      `${total} packets: a case ${merge ? 'that merges ' : ''}has 1 to ${most}`,
    );
  return {
    name: members.get('name')?.text() ?? `case ${n + 1}`,
    line: at.line,
    packets: Array.from({ length: repeat }, () => said).flat(),
    merge,
    expect: readExpectation(place(members, 'expect')),
  };
}

function wordsOf(at: Place): string[] {
  const words = at.text().trim().split(/\s+/);
  if (words[0] === '') throw at.refuse('the packet is said in words, as for vtep trace');
  return words;
}

function readExpectation(at: Place): Expectation {
  const members = at.members(['out', 'device', 'frames', 'drop', 'verdict', 'match', 'counters']);
  if (members.size === 0) throw at.refuse('nothing is expected');
  const device = members.get('device');
  const out = members.get('out');
  if (device && out) throw device.refuse('"device" is short for "out" with one frame: say one of them');
  const drop = members.get('drop');
  const verdict = members.get('verdict');
  const names = REASONS.map(({ name }) => name);
  if (drop && !names.includes(drop.text()))
    throw drop.refuse(`there is no reason "${drop.text()}"${meant(drop.text(), names)} (docs/drops.md)`);
  if (verdict && !VERDICTS.includes(verdict.text()))
    throw verdict.refuse(
      `there is no verdict "${verdict.text()}"${meant(verdict.text(), VERDICTS)}; there are ${VERDICTS.join(', ')}`,
    );
  const match = members.get('match');
  if (match && !/^(dev \S+ )?(chain \d+ )?pref \d+( handle (0x[0-9a-f]+|\d+))?$/.test(match.text()))
    throw match.refuse(`"${match.text()}" is not understood: [dev NAME] [chain N] pref N [handle N]`);
  return {
    ...(device && { out: [{ at: device, device: device.text(), fields: new Map() }] }),
    ...(out && { out: (out.isList ? out.items() : [out]).map(readOutput) }),
    ...(members.get('frames') && { frames: place(members, 'frames').number(0) }),
    ...(drop && { drop: drop.text() }),
    ...(verdict && { verdict: verdict.text() }),
    ...(match && { match: match.text() }),
    counters: members.get('counters')?.items().map(readCounters) ?? [],
  };
}

function readOutput(at: Place): ExpectedOutput {
  const members = at.members(['device', ...FIELDS], ['device']);
  const fields = new Map<string, string | null>();
  for (const [name, value] of members) if (name !== 'device') fields.set(name, value.textOrNull());
  return { at, device: place(members, 'device').text(), fields };
}

function readCounters(at: Place): ExpectedCounters {
  const members = at.members(['dev', 'hook', 'pref', 'chain', 'handle', ...COUNTERS], ['dev', 'pref']);
  const hook = members.get('hook')?.text() ?? 'ingress';
  if (hook !== 'ingress' && hook !== 'egress')
    throw place(members, 'hook').refuse(`"${hook}" is neither ingress nor egress`);
  const handle = members.get('handle')?.number(1);
  const values = new Map<(typeof COUNTERS)[number], number>();
  for (const name of COUNTERS) {
    const value = members.get(name);
    if (value) values.set(name, value.number(0));
  }
  if (values.size === 0) throw at.refuse(`no counter is named: ${COUNTERS.join(', ')}`);
  return {
    at,
    device: place(members, 'dev').text(),
    hook,
    pref: place(members, 'pref').number(1),
    chain: members.get('chain')?.number(0) ?? 0,
    ...(handle !== undefined && { handle }),
    values,
  };
}

/** One that is known to be there. */
function place(members: ReadonlyMap<string, Place>, name: string): Place {
  const found = members.get(name);
  if (!found) throw new Error(`no member "${name}"`);
  return found;
}
