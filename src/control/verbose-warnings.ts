import type { Devices } from './devices.js';
import { ruleWords } from './lint/finding.js';
import { type LintDevice, lint } from './lint/lint.js';
import type { Rules } from './rules.js';

/** Filters in force, at most, among which those that were added are looked at: all of them are read for that. */
const MOST = 4096;

/** What lint finds about the filters that were added with the word `verbose` since the last call: lines of stderr. */
export function* verboseWarnings(rules: Rules, { registry, hostPorts }: Devices): Generator<string> {
  const added = rules.takeVerbose();
  if (added.size === 0) return;
  if (rules.filterCount > MOST) {
    yield `Warning: verbose looks at what is added among ${MOST} filters at most, and there are ${rules.filterCount}: "vtep lint" looks at all.\n`;
    return;
  }
  const devices = new Map<string, LintDevice>();
  for (const { name, ifindex, vxlan } of registry.list()) devices.set(name, { name, ifindex, ...(vxlan && { vxlan }) });
  const hosts = new Set(hostPorts.list().map(({ name }) => name));
  const blocks = (name: string): ReturnType<Rules['blocks']> => rules.blocks(registry.find(name)?.index ?? -1);
  for (const { rule, sentence } of lint({ devices, hosts, blocks }, added)) {
    yield `Warning: ${rule ? `${ruleWords(rule)}: ` : ''}${sentence}.\n`;
  }
}
