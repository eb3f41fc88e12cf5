/** `vtep save`: the lines of a batch that make the present state again. */
import { actionCommand } from '../iproute/action-command.js';
import type { ActionDetail } from '../iproute/commands.js';
import { chainCommand, filterCommand, qdiscCommand } from '../iproute/filter-command.js';
import { linkCommand } from '../iproute/link-command.js';
import type { LinkState } from '../iproute/link-state.js';
import type { Rules } from './rules.js';

const HEAD = `# Made by vtep save; "vtep run -b" of this file makes the same devices, tables, actions, chains and filters again.
# What is the host's is not here: addresses, routes, bridges and their ports, other settings of ip link.
`;

/** Devices that are gone have this name: a line about one would be refused, as about a TAP that is not there at first. */
const GONE = '*';

type Actions = readonly { readonly spec: ActionDetail }[];

/** Whether actions send to one of these. */
function sendsTo(names: ReadonlySet<string>, actions: Actions): boolean {
  return actions.some(({ spec }) => spec.kind === 'mirred' && names.has(spec.dev));
}

/** The TAPs of a mirror receiver come again by themselves. */
function isMirrorTap({ details }: LinkState): boolean {
  return details.kind === 'tap' && details.mirror !== undefined;
}

/** A line of a batch; as a comment where it could not be carried out. */
function line(tool: 'ip' | 'tc' | 'bridge', words: readonly string[], isDead = false): string {
  return `${isDead ? '# its device is gone: ' : ''}${tool} ${words.join(' ')}\n`;
}

function addLink({ name, mtu, address, qlen, details }: LinkState): string {
  const link = { name, mtu, ...(address && { address }), ...(qlen !== undefined && { txqueuelen: qlen }) };
  return line('ip', linkCommand(link, details));
}

/** Behind it stand the names of actions that are functions of the program around the endpoint. */
export const OWN_ACTIONS = '# Functions of the program that this is of, which only it can carry out: ';

function noteOwn(actions: Actions, own: Set<string>): void {
  for (const { spec } of actions) if (spec.kind === 'custom') own.add(spec.name);
}

function* rulesOf(dev: string, rules: Rules, gone: ReadonlySet<string>, own: Set<string>): Generator<string> {
  for (const { chain, parent, isExplicit, filters } of rules.saved(dev)) {
    if (isExplicit) yield line('tc', chainCommand({ dev, parent, chain }));
    for (const filter of filters) {
      noteOwn(filter.actions, own);
      yield line('tc', filterCommand(filter), sendsTo(gone, filter.actions));
    }
  }
}

/**
 * In pieces, for there may be many filters. `present`, in the order in which they were made; `elsewhere` names those that
 * live in other network namespaces; `tables` gives the words, after `bridge`, of the lines that fill a device's table.
 * Devices are set up at last, when their filters are there.
 */
export function* saveLines(
  present: readonly LinkState[],
  elsewhere: readonly string[],
  rules: Rules,
  tables: (dev: string) => Iterable<readonly string[]> = () => [],
): Generator<string> {
  const links = present.filter((link) => !isMirrorTap(link));
  const gone = new Set([GONE, ...present.filter(isMirrorTap).map(({ name }) => name)]);
  const own = new Set<string>();
  yield HEAD;
  for (const name of elsewhere) yield `# In another network namespace, and so left out: ${name}\n`;
  for (const link of links) yield addLink(link);
  for (const { name } of links) for (const words of tables(name)) yield line('bridge', words);
  for (const { name } of links) for (const qdisc of rules.qdiscsOf(name)) yield line('tc', qdiscCommand(qdisc));
  for (const action of rules.actions.own()) yield line('tc', actionCommand(action.spec), sendsTo(gone, [action]));
  for (const { name } of links) yield* rulesOf(name, rules, gone, own);
  for (const { name, flags } of links) if (flags.includes('UP')) yield line('ip', ['link', 'set', 'dev', name, 'up']);
  if (own.size > 0) yield `${OWN_ACTIONS}${[...own].join(' ')}\n`;
}
