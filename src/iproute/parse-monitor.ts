/** `tc monitor`, `ip monitor`, `bridge monitor`, and vtep's own, which tells of all that they do. */
import { type Command, CommandError } from './commands.js';
import { HelpRequest, type HelpTopic } from './help.js';
import type { MonitorSubject } from './monitor-types.js';
import type { GlobalOptions, Tool } from './options.js';
import { suggest } from './suggest.js';
import type { WordReader } from './word-reader.js';

interface MonitorWord {
  readonly word: string;
  /** No abbreviation of it. */
  readonly whole?: boolean;
  /** What it asks for; none: the host's. */
  readonly subjects?: readonly MonitorSubject[];
}

interface Monitor {
  readonly help: HelpTopic;
  /** In the order in which the tool tries them. */
  readonly words: readonly MonitorWord[];
  readonly all: readonly MonitorSubject[];
  /** `all` puts a label before each change. */
  readonly labelsAll: boolean;
}

const hosts = (word: string): MonitorWord => ({ word, subjects: [] });

const monitors: Record<Tool | 'vtep', Monitor> = {
  ip: {
    help: 'ip monitor',
    words: [
      hosts('file'),
      { word: 'label' },
      { word: 'link', subjects: ['link'] },
      ...['address', 'route', 'mroute', 'prefix'].map(hosts),
      { word: 'neigh', subjects: ['neigh', 'miss'] },
      ...['netconf', 'rule', 'nsid', 'nexthop', 'stats'].map(hosts),
      { word: 'all', whole: true },
      hosts('all-nsid'),
      { word: 'help' },
      { word: 'dev', whole: true },
    ],
    all: ['link', 'neigh', 'miss'],
    labelsAll: true,
  },
  tc: {
    help: 'tc monitor',
    words: [hosts('file'), { word: 'help' }],
    all: ['qdisc', 'chain', 'filter', 'actions'],
    labelsAll: false,
  },
  bridge: {
    help: 'bridge monitor',
    words: [
      hosts('file'),
      { word: 'link', subjects: ['bridge-link'] },
      { word: 'fdb', subjects: ['fdb'] },
      ...['mdb', 'vlan', 'vni'].map(hosts),
      { word: 'all', whole: true },
      { word: 'help' },
    ],
    all: ['bridge-link', 'fdb'],
    labelsAll: true,
  },
  vtep: {
    help: 'monitor',
    words: [
      { word: 'link', subjects: ['link'] },
      { word: 'filter', subjects: ['qdisc', 'chain', 'filter'] },
      { word: 'actions', subjects: ['actions'] },
      { word: 'fdb', subjects: ['fdb', 'miss'] },
      { word: 'mirror', subjects: ['mirror'] },
      { word: 'all' },
      { word: 'label' },
      { word: 'dev' },
      { word: 'help' },
    ],
    all: ['link', 'qdisc', 'chain', 'filter', 'actions', 'fdb', 'miss', 'mirror'],
    labelsAll: false,
  },
};

/** The words that vtep follows itself. */
export function monitorWords(tool: Tool | 'vtep'): string[] {
  return monitors[tool].words.filter(({ subjects }) => subjects?.length !== 0).map(({ word }) => word);
}

/**
 * Reads what follows `monitor`. What is the host's alone is the system's tool's to tell; asked for together with what
 * is vtep's, vtep tells its part.
 */
export function parseMonitor(tool: Tool | 'vtep', reader: WordReader, options: GlobalOptions): Command {
  const { help, words, all, labelsAll } = monitors[tool];
  const subjects = new Set<MonitorSubject>();
  let dev: string | undefined;
  let label = false;
  let isHosts = false;
  for (; reader.more; reader.skip()) {
    const found = words.find(({ word, whole }) => (whole ? reader.is(word) : reader.abbreviates(word)));
    if (!found) {
      const hint = suggest(
        reader.word,
        words.map(({ word }) => word),
      );
      throw new CommandError(`Argument "${reader.word}" is unknown, try "${name(tool)} help".${hint}`, 255);
    }
    if (found.word === 'help') throw new HelpRequest(help);
    if (found.word === 'file') reader.advance();
    if (found.word === 'dev') dev = reader.advance();
    if (found.word === 'all') for (const subject of all) subjects.add(subject);
    label ||= found.word === 'label' || (found.word === 'all' && labelsAll);
    for (const subject of found.subjects ?? []) subjects.add(subject);
    isHosts ||= found.subjects?.length === 0;
  }
  if (isHosts && subjects.size === 0 && tool !== 'vtep') return { kind: 'monitor-host', tool, argv: reader.words };
  return {
    kind: 'monitor',
    request: {
      subjects: subjects.size > 0 ? [...subjects] : all,
      label,
      output: options.output,
      ...(dev !== undefined && { dev }),
      ...(options.timestamp !== undefined && { timestamp: options.timestamp }),
    },
  };
}

function name(tool: Tool | 'vtep'): string {
  return tool === 'vtep' ? 'vtep monitor' : `${tool} monitor`;
}
