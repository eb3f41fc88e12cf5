/** `tc filter …` (tc_filter.c of iproute2). */
import { parseClassId } from './class-id.js';
import type { Command, FilterParent, FilterSelector, OutputOptions } from './commands.js';
import { duplicate, filterRefusal, invalidArgument, notSupported } from './errors.js';
import { ETH_P_ALL, parseEtherType } from './ether-type.js';
import { HelpRequest } from './help.js';
import { parseUnsigned } from './numbers.js';
import { parseFlower } from './parse-flower.js';
import { findKeyword, refusal, type WordReader } from './word-reader.js';

type Modify = 'add' | 'change' | 'replace';
type Verb = Modify | 'delete' | 'get' | 'list';

const verbs: readonly (readonly [string, Verb])[] = [
  ['add', 'add'],
  ['change', 'change'],
  ['replace', 'replace'],
  ['delete', 'delete'],
  ['get', 'get'],
  ['list', 'list'],
  ['show', 'list'],
  ['lst', 'list'],
];

/** Abbreviations among these are tried in this order, after dev, root, ingress, egress, parent and handle. */
const headWords = ['block', 'preference', 'priority', 'protocol', 'chain', 'estimator', 'help'] as const;

const parents = new Map<number, FilterParent>([
  [0xffff0000, 'ffff:'],
  [0xfffffff2, 'ingress'],
  [0xfffffff3, 'egress'],
]);

interface Head {
  dev?: string;
  parent?: number;
  handle?: string;
  pref?: number;
  protocol?: number;
  chain?: number;
  kind?: string;
}

/** The parent that only the host can have: a qdisc's or a class's. */
const HOST_PARENT = 'host';

function parseParent(reader: WordReader, head: Head, verb: Verb): void {
  const { word } = reader;
  if (word === 'parent') {
    const text = reader.advance();
    if (head.parent !== undefined) {
      throw duplicate('parent', text);
    }
    head.parent = parseClassId(text);
    if (head.parent === undefined) {
      throw invalidArgument(`${verb === 'list' ? 'i' : 'I'}nvalid parent ID`, text);
    }
    return;
  }
  if (head.parent !== undefined) {
    throw refusal(`Error: "${word}" is duplicate parent ID`, 255);
  }
  head.parent = word === 'root' ? 0xffffffff : word === 'ingress' ? 0xfffffff2 : 0xfffffff3;
}

function parseNumberWord(reader: WordReader, head: Head, name: 'pref' | 'protocol' | 'chain', verb: Verb): void {
  const full = name === 'pref' ? 'priority' : name;
  const word = reader.advance();
  if (head[name] !== undefined && !(name === 'pref' && head.pref === 0)) {
    throw duplicate(full, word);
  }
  let value: number | undefined;
  let reason = `invalid ${name}`;
  if (name === 'protocol') {
    value = parseEtherType(word);
  } else if (name === 'pref') {
    value = parseUnsigned(word, 0, verb === 'list' ? 0xffffffff : 0xffff);
    reason = verb === 'list' ? 'invalid preference' : 'invalid priority value';
  } else {
    value = parseUnsigned(word, 0, 0xffffffff);
    reason = 'invalid chain index value';
  }
  if (value === undefined) {
    throw invalidArgument(reason, word);
  }
  head[name] = value;
}

/** Whether the word at the reader belonged to the head. */
function parseHeadWord(reader: WordReader, head: Head, verb: Verb): boolean {
  const { word } = reader;
  if (word === 'dev') {
    const dev = reader.advance();
    if (head.dev !== undefined) {
      throw duplicate('dev', dev);
    }
    head.dev = dev;
    return true;
  }
  if (word === 'root' || word === 'ingress' || word === 'egress' || word === 'parent') {
    parseParent(reader, head, verb);
    return true;
  }
  if (word === 'handle') {
    const handle = reader.advance();
    if (head.handle !== undefined) {
      throw duplicate('handle', handle);
    }
    head.handle = handle;
    return true;
  }
  const name = findKeyword(word, headWords);
  if (name === 'help') {
    throw new HelpRequest('tc filter');
  }
  if (name === undefined || (name === 'estimator' && verb === 'list')) {
    return false;
  }
  if (name === 'block' || name === 'estimator') {
    throw notSupported(name === 'block' ? 'a shared block ("block")' : 'a rate estimator ("estimator")');
  }
  parseNumberWord(reader, head, name === 'preference' || name === 'priority' ? 'pref' : name, verb);
  return true;
}

function parseHead(reader: WordReader, verb: Verb): Head {
  const head: Head = {};
  for (; reader.more; reader.skip()) {
    if (parseHeadWord(reader, head, verb)) {
      continue;
    }
    if (verb === 'list') {
      throw refusal(` What is "${reader.word}"? Try "tc filter help"`, 255);
    }
    head.kind = reader.word.slice(0, 15);
    reader.skip();
    break;
  }
  return head;
}

function parseHandle(text: string | undefined): number {
  const handle = text === undefined ? 0 : parseUnsigned(text, 0, 0xffffffff);
  if (handle === undefined) {
    throw refusal('Illegal "handle"');
  }
  return handle;
}

/** Whose parent it is: vtep's, or one of the host's qdiscs (the root, or none given, among them). */
function placeOf(head: Head): FilterParent | typeof HOST_PARENT {
  return parents.get(head.parent ?? 0) ?? HOST_PARENT;
}

function selectorOf(head: Head, dev: string, parent: FilterParent): FilterSelector {
  const { protocol = 0, pref = 0, chain } = head;
  return {
    dev,
    parent,
    ...(protocol !== 0 && { protocol }),
    ...(pref !== 0 && { pref }),
    ...(chain !== undefined && { chain }),
  };
}

function parseModify(reader: WordReader, head: Head, mode: Modify, dev: string, parent: FilterParent): Command {
  if (head.kind === undefined) {
    if (head.handle !== undefined) {
      throw refusal('Must specify filter type when using "handle"', 255);
    }
    throw filterRefusal('Error: Filter kind and protocol must be specified.');
  }
  if (head.kind !== 'flower') {
    throw notSupported(`filter kind "${head.kind}"`);
  }
  const handle = parseHandle(head.handle);
  const protocol = head.protocol ?? (mode === 'change' ? 0 : ETH_P_ALL);
  const options = parseFlower(reader, protocol);
  const { pref = 0, chain = 0 } = head;
  if (mode === 'change' && pref === 0) {
    throw filterRefusal('Error: Invalid filter command with priority of zero.');
  }
  return { kind: 'filter-add', mode, filter: { dev, parent, protocol, pref, chain, handle, ...options } };
}

function parseDelete(reader: WordReader, head: Head, dev: string, parent: FilterParent): Command {
  const { kind } = head;
  if (kind === undefined && head.handle !== undefined) {
    throw refusal('Must specify filter type when using "handle"', 255);
  }
  const handle = parseHandle(head.handle);
  if (kind === 'flower') {
    parseFlower(reader, head.protocol ?? 0);
  }
  const selector = {
    ...selectorOf(head, dev, parent),
    ...(handle !== 0 && { handle }),
    ...(kind !== undefined && { kind }),
  };
  return { kind: 'filter-del', selector };
}

function parseGet(reader: WordReader, head: Head, output: OutputOptions): Command | undefined {
  const missing =
    head.protocol === undefined
      ? 'protocol'
      : (head.pref ?? 0) === 0
        ? 'priority'
        : head.parent === undefined
          ? 'parent'
          : head.kind === undefined
            ? 'type'
            : undefined;
  if (missing !== undefined) {
    throw refusal(`Must specify filter ${missing}`, 255);
  }
  const { dev, kind = '' } = head;
  if (dev === undefined) {
    throw refusal('Must specify netdevice "dev" or block index "block"', 255);
  }
  const parent = placeOf(head);
  if (parent === HOST_PARENT) {
    return undefined;
  }
  const handle = parseHandle(head.handle);
  if (kind === 'flower') {
    parseFlower(reader, head.protocol ?? 0);
  }
  if (head.handle === undefined) {
    throw refusal('Must specify filter "handle"', 255);
  }
  return { kind: 'filter-get', selector: { ...selectorOf(head, dev, parent), handle, kind }, output };
}

/** Undefined: the line is about the host's qdiscs. */
export function parseFilter(reader: WordReader, output: OutputOptions): Command | undefined {
  const { word } = reader;
  const verb = reader.more ? verbs.find(([name]) => findKeyword(word, [name]) !== undefined)?.[1] : 'list';
  if (verb === undefined) {
    if (findKeyword(word, ['help']) !== undefined) {
      throw new HelpRequest('tc filter');
    }
    throw refusal(`Command "${word}" is unknown, try "tc filter help".`, 255);
  }
  return parseVerb(reader, verb, output);
}

function parseVerb(reader: WordReader, verb: Verb, output: OutputOptions): Command | undefined {
  reader.skip();
  const head = parseHead(reader, verb);
  if (verb === 'get') {
    return parseGet(reader, head, output);
  }
  const parent = placeOf(head);
  if (parent === HOST_PARENT) {
    return undefined;
  }
  const { dev } = head;
  if (dev === undefined) {
    if (verb === 'list') {
      return undefined;
    }
    throw filterRefusal('RTNETLINK answers: No such device');
  }
  if (verb === 'list') {
    return { kind: 'filter-show', selector: selectorOf(head, dev, parent), output };
  }
  return verb === 'delete' ? parseDelete(reader, head, dev, parent) : parseModify(reader, head, verb, dev, parent);
}
