/** What is wrong with the lines of a batch file; nothing is made of them. */
import { createTable } from '../../classifier/create-table.js';
import { readDesired } from '../../control/desired-state.js';
import type { Filter } from '../../control/filter.js';
import type { Finding } from '../../control/lint/finding.js';
import { type LintDevice, lint } from '../../control/lint/lint.js';
import { LocalDevices } from '../local-devices.js';
import { settingsOf } from '../local-endpoint.js';
import { fileRoutes } from './file-routes.js';

export interface LintOptions {
  /** Interfaces that the host has. */
  readonly hosts: Iterable<string>;
  /** Whether findings name lines. */
  readonly hasLines: boolean;
  /** Asks the host: LintSubject. What the lines themselves tell goes before. */
  readonly wayTo?: (address: Uint8Array) => string | undefined;
}

export interface LintResult {
  readonly findings: readonly Finding[];
  readonly filters: number;
}

const NAMED = /\b(?:dev|indev)\s+(\S+)/g;

/** Throws CommandError, which names the line by `name`, where a line cannot be carried out. */
export async function lintBatch(text: string, name: string, options: LintOptions): Promise<LintResult> {
  const lines = new Map<Filter, number>();
  // What no line makes is taken for the host's, so that all lines are read; whether it is there is said afterwards.
  const present = new LocalDevices([...text.matchAll(NAMED)].map(([, word = '']) => word.replace(/["']/g, '')));
  const table = (): ReturnType<typeof createTable> => createTable('tuple-space');
  const state = await readDesired(text, name, present, table, undefined, (command, line, rules) => {
    if (command.kind === 'filter-add' && rules.places.last) lines.set(rules.places.last, line);
  });
  const devices = new Map<string, LintDevice>();
  for (const [device, { index, making }] of state.devices.wanted) {
    const { up } = settingsOf(state, making.link);
    const ifindex = present.meant(device)?.ifindex ?? index;
    devices.set(device, {
      name: device,
      ifindex,
      up,
      ...(making.kind === 'link-add-vxlan' && { vxlan: making.vxlan }),
    });
  }
  const { hosts, hasLines, wayTo } = options;
  const ownWay = fileRoutes(state.host);
  const findings = [
    ...lint({
      devices,
      hosts: new Set(hosts),
      blocks: (device) => state.rules.blocks(state.devices.indexOf(device)),
      ...(hasLines && { lineOf: (filter: Filter) => lines.get(filter) }),
      wayTo: (address) => ownWay(address) ?? wayTo?.(address),
    }),
  ];
  if (hasLines) findings.sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
  return { findings, filters: lines.size };
}
