import type { Devices } from './devices.js';
import { ruleWords } from './lint/finding.js';
import { type LintDevice, lint } from './lint/lint.js';
import { NOT_KNOWN } from './route-loops.js';
import type { Rules } from './rules.js';

/** Filters in force, at most, among which those that were added are looked at: all of them are read for that. */
const MOST = 4096;

/** What lint finds about the filters that were added with the word `verbose` since the last call: lines of stderr. */
export function* verboseWarnings(rules: Rules, { registry, hostPorts, loops, datapath }: Devices): Generator<string> {
  const added = rules.takeVerbose();
  if (added.size === 0) return;
  if (rules.filterCount > MOST) {
    yield `Warning: verbose looks at what is added among ${MOST} filters at most, and there are ${rules.filterCount}: "vtep lint" looks at all.\n`;
    return;
  }
  const devices = new Map<string, LintDevice>();
  for (const { name, index, ifindex, vxlan } of registry.list()) {
    devices.set(name, { name, ifindex, up: datapath.devices.isUp(index), ...(vxlan && { vxlan }) });
  }
  const hosts = new Set(hostPorts.list().map(({ name }) => name));
  const blocks = (name: string): ReturnType<Rules['blocks']> => rules.blocks(registry.find(name)?.index ?? -1);
  const wayTo = (address: Uint8Array): string | undefined => {
    const way = loops.wayTo(address);
    if (way === NOT_KNOWN || way === 0) return way === 0 ? '' : undefined;
    return registry.list().find(({ ifindex }) => ifindex === way)?.name;
  };
  for (const { rule, sentence } of lint({ devices, hosts, blocks, wayTo }, added)) {
    yield `Warning: ${rule ? `${ruleWords(rule)}: ` : ''}${sentence}.\n`;
  }
}
