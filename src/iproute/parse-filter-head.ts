/** What stands before the kind in `tc filter` and `tc chain` (tc_filter.c of iproute2). */
import { parseClassId } from './class-id.js';
import type { FilterParent } from './commands.js';
import { duplicate, invalidArgument, notSupported } from './errors.js';
import { parseEtherType } from './ether-type.js';
import { HelpRequest } from './help.js';
import { parseUnsigned } from './numbers.js';
import { suggest } from './suggest.js';
import { findKeyword, refusal, type WordReader } from './word-reader.js';

export type FilterVerb = 'add' | 'change' | 'replace' | 'delete' | 'get' | 'list';

/** Abbreviations among these are tried in this order, after dev, root, ingress, egress, parent and handle. */
export const headWords = ['block', 'preference', 'priority', 'protocol', 'chain', 'estimator', 'help'] as const;

const allHeadWords = ['dev', 'root', 'ingress', 'egress', 'parent', 'handle', ...headWords];

const parents = new Map<number, FilterParent>([
  [0xffff0000, 'ffff:'],
  [0xfffffff2, 'ingress'],
  [0xfffffff3, 'egress'],
]);

export interface FilterHead {
  dev?: string;
  parent?: number;
  handle?: string;
  pref?: number;
  protocol?: number;
  chain?: number;
  kind?: string;
}

/** The parent that only the host can have: a qdisc's or a class's. */
export const HOST_PARENT = 'host';

function parseParent(reader: WordReader, head: FilterHead, verb: FilterVerb): void {
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

function parseNumberWord(
  reader: WordReader,
  head: FilterHead,
  name: 'pref' | 'protocol' | 'chain',
  verb: FilterVerb,
): void {
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
function parseHeadWord(
  reader: WordReader,
  head: FilterHead,
  verb: FilterVerb,
  topic: 'tc filter' | 'tc chain',
): boolean {
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
    throw new HelpRequest(topic);
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

/** Reads up to the kind, and the kind; `topic` is the help that is asked for. */
export function parseFilterHead(reader: WordReader, verb: FilterVerb, topic: 'tc filter' | 'tc chain'): FilterHead {
  const head: FilterHead = {};
  for (; reader.more; reader.skip()) {
    if (parseHeadWord(reader, head, verb, topic)) {
      continue;
    }
    if (verb === 'list') {
      throw refusal(` What is "${reader.word}"? Try "tc filter help"${suggest(reader.word, allHeadWords)}`, 255);
    }
    head.kind = reader.word.slice(0, 15);
    reader.skip();
    break;
  }
  return head;
}

/** Whose parent it is: vtep's, or one of the host's qdiscs (the root, or none given, among them). */
export function placeOf(head: FilterHead): FilterParent | typeof HOST_PARENT {
  return parents.get(head.parent ?? 0) ?? HOST_PARENT;
}
