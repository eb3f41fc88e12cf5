/** One line of ip, tc or bridge, parsed to a typed command. */
import type { Command } from './commands.js';
import { notSupported } from './errors.js';
import { HelpRequest, helpExit, helpText } from './help.js';
import { type GlobalOptions, parseOptions, type Tool } from './options.js';
import { parseActionsObject } from './parse-actions-object.js';
import { parseChain } from './parse-chain.js';
import { parseFdb } from './parse-fdb.js';
import { parseFilter } from './parse-filter.js';
import { parseLink } from './parse-link.js';
import { parseMonitor } from './parse-monitor.js';
import { parseQdisc } from './parse-qdisc.js';
import { parseTuntap } from './parse-tuntap.js';
import { parseVni } from './parse-vni.js';
import { suggest } from './suggest.js';
import { findKeyword, refusal, WordReader } from './word-reader.js';

/** The objects of each tool, in its order of precedence for abbreviations. */
export const objects: Record<Tool, readonly string[]> = {
  ip: [
    ...['address', 'addrlabel', 'maddress', 'route', 'rule', 'neighbor', 'neighbour', 'ntable', 'ntbl', 'link'],
    ...['l2tp', 'fou', 'ila', 'macsec', 'tunnel', 'tunl', 'tuntap', 'tap', 'token', 'tcpmetrics', 'tcp_metrics'],
    ...['monitor', 'xfrm', 'mroute', 'mrule', 'netns', 'netconf', 'vrf', 'sr', 'nexthop', 'mptcp', 'ioam', 'help'],
    ...['stats', 'amt'],
  ],
  tc: ['qdisc', 'class', 'filter', 'chain', 'actions', 'monitor', 'exec', 'help'],
  bridge: ['link', 'fdb', 'mdb', 'vlan', 'vni', 'monitor', 'help'],
};

/** ip fails with 1 on an object that it does not know, the others with 255. */
const unknownObjectExit: Record<Tool, number> = { ip: 1, tc: 255, bridge: 255 };

/** A line that the system's tool runs as it stands. */
function hostCommand(tool: Tool, argv: readonly string[]): Command {
  const at = argv.indexOf('dev');
  const dev = at < 0 ? undefined : argv[at + 1];
  return { kind: 'host', tool, argv, ...(dev !== undefined && { dev }) };
}

function parseObject(tool: Tool, object: string, reader: WordReader, options: GlobalOptions): Command | undefined {
  const { words } = reader;
  switch (`${tool} ${object}`) {
    case 'ip link':
      return parseLink(reader, words, options.output);
    case 'ip tuntap':
    case 'ip tap':
      return parseTuntap(reader);
    case 'tc qdisc':
      return parseQdisc(reader, options.output);
    case 'tc filter':
      return parseFilter(reader, options.output);
    case 'tc chain':
      return parseChain(reader, options.output);
    case 'tc actions':
      return parseActionsObject(reader, options.output);
    case 'ip monitor':
    case 'tc monitor':
    case 'bridge monitor':
      return parseMonitor(tool, reader, options);
    case 'bridge fdb':
      return parseFdb(reader, words, options.output);
    case 'bridge vni':
      return parseVni(reader, options.output);
    default:
      return undefined;
  }
}

function parse(tool: Tool, reader: WordReader): Command {
  const { words } = reader;
  const options = parseOptions(tool, reader);
  if (options.version) {
    return hostCommand(tool, words);
  }
  if (!reader.more) {
    throw new HelpRequest(tool);
  }
  const object = findKeyword(reader.word, objects[tool]);
  if (object === undefined) {
    const text = `Object "${reader.word}" is unknown, try "${tool} help".${suggest(reader.word, objects[tool])}`;
    throw refusal(text, unknownObjectExit[tool]);
  }
  if (object === 'help') {
    throw new HelpRequest(tool);
  }
  reader.skip();
  const command = parseObject(tool, object, reader, options);
  return command === undefined ? hostCommand(tool, words) : checkOptions(tool, command, words, options);
}

/** What the system's tool can do in another namespace, where no device is this vtep's. */
const hostElsewhere: readonly Command['kind'][] = [
  ...(['link-set', 'link-set-vxlan', 'link-del', 'link-show', 'qdisc-show', 'filter-show', 'filter-get'] as const),
  ...(['chain-show', 'chain-get', 'actions-show', 'actions-get'] as const),
  ...(['fdb-add', 'fdb-del', 'fdb-get', 'fdb-show', 'fdb-flush', 'vni-add', 'vni-del', 'vni-show'] as const),
];

function checkOptions(tool: Tool, command: Command, words: readonly string[], options: GlobalOptions): Command {
  if (options.netns && hostElsewhere.includes(command.kind)) {
    return hostCommand(tool, words);
  }
  if (options.netns) {
    throw notSupported('a device of another namespace ("-netns")');
  }
  // Every device of vtep has its face on the host, which ip shows in any layout. An entry is one line anyway.
  if (options.layout !== undefined && command.kind === 'link-show') {
    return hostCommand(tool, words);
  }
  if (options.layout !== undefined && 'output' in command && !command.kind.startsWith('fdb-')) {
    throw notSupported(`option "${options.layout}" of ${tool}`);
  }
  return command;
}

/** What follows `vtep monitor`: vtep's own, which tells of all that the three tools do. Options may stand anywhere. */
export function parseVtepMonitor(words: readonly string[]): Command {
  const options = words.filter((word) => word.startsWith('-'));
  try {
    const reader = new WordReader(words.filter((word) => !word.startsWith('-')));
    const known = parseOptions('tc', new WordReader(options), 'vtep monitor help');
    return checkOptions('tc', parseMonitor('vtep', reader, known), words, known);
  } catch (error) {
    if (error instanceof HelpRequest) {
      return { kind: 'help', text: helpText(error.topic), exit: 0 };
    }
    throw error;
  }
}

/**
 * Parses the words after the tool's name. Throws CommandError, with the text and the exit code of the tool in its
 * release 6.1, or with what vtep does not support by name; `reader` tells where that was.
 */
export function parseLine(tool: Tool, words: readonly string[], reader = new WordReader(words)): Command {
  try {
    return parse(tool, reader);
  } catch (error) {
    if (error instanceof HelpRequest) {
      return { kind: 'help', text: helpText(error.topic), exit: helpExit(error.topic) };
    }
    throw error;
  }
}
