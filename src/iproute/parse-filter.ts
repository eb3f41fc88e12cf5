/** `tc filter …` (tc_filter.c of iproute2). */
import type { Command, FilterParent, FilterSelector, OutputOptions } from './commands.js';
import { filterRefusal, notSupported, unknownCommand } from './errors.js';
import { ETH_P_ALL } from './ether-type.js';
import { HelpRequest } from './help.js';
import { parseUnsigned } from './numbers.js';
import { type FilterHead, type FilterVerb, HOST_PARENT, parseFilterHead, placeOf } from './parse-filter-head.js';
import { parseFlower } from './parse-flower.js';
import { findKeyword, refusal, type WordReader } from './word-reader.js';

type Modify = 'add' | 'change' | 'replace';
const verbs: readonly (readonly [string, FilterVerb])[] = [
  ['add', 'add'],
  ['change', 'change'],
  ['replace', 'replace'],
  ['delete', 'delete'],
  ['get', 'get'],
  ['list', 'list'],
  ['show', 'list'],
  ['lst', 'list'],
];

export const filterVerbs: readonly string[] = verbs.map(([name]) => name);

function parseHandle(text: string | undefined): number {
  const handle = text === undefined ? 0 : parseUnsigned(text, 0, 0xffffffff);
  if (handle === undefined) {
    throw refusal('Illegal "handle"');
  }
  return handle;
}

function selectorOf(head: FilterHead, dev: string, parent: FilterParent): FilterSelector {
  const { protocol = 0, pref = 0, chain } = head;
  return {
    dev,
    parent,
    ...(protocol !== 0 && { protocol }),
    ...(pref !== 0 && { pref }),
    ...(chain !== undefined && { chain }),
  };
}

function parseModify(reader: WordReader, head: FilterHead, mode: Modify, dev: string, parent: FilterParent): Command {
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

function parseDelete(reader: WordReader, head: FilterHead, dev: string, parent: FilterParent): Command {
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

function parseGet(reader: WordReader, head: FilterHead, output: OutputOptions): Command | undefined {
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

/** Somebody who asks for flower's help names no place: `tc filter add flower help`. */
function answerHelp(reader: WordReader, { kind, protocol }: FilterHead): void {
  if (kind !== 'flower') return;
  try {
    parseFlower(reader, protocol ?? 0);
  } catch (error) {
    if (error instanceof HelpRequest) throw error;
    // Whatever is wrong with it is the system's tc's to say.
  }
}

/** Undefined: the line is about the host's qdiscs. */
export function parseFilter(reader: WordReader, output: OutputOptions): Command | undefined {
  const { word } = reader;
  const verb = reader.more ? verbs.find(([name]) => findKeyword(word, [name]) !== undefined)?.[1] : 'list';
  if (verb === undefined) {
    if (findKeyword(word, ['help']) !== undefined) {
      throw new HelpRequest('tc filter');
    }
    throw unknownCommand(word, 'tc filter', filterVerbs);
  }
  return parseVerb(reader, verb, output);
}

function parseVerb(reader: WordReader, verb: FilterVerb, output: OutputOptions): Command | undefined {
  reader.skip();
  const head = parseFilterHead(reader, verb, 'tc filter');
  if (verb === 'get') {
    return parseGet(reader, head, output);
  }
  const parent = placeOf(head);
  if (parent === HOST_PARENT) {
    answerHelp(reader, head);
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
