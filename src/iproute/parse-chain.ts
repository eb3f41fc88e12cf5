/** `tc chain …` (tc_filter.c of iproute2). */
import type { ChainSelector, Command, OutputOptions } from './commands.js';
import { filterRefusal, notSupported, unknownCommand } from './errors.js';
import { HelpRequest } from './help.js';
import { type FilterHead, HOST_PARENT, parseFilterHead, placeOf } from './parse-filter-head.js';
import { findKeyword, refusal, type WordReader } from './word-reader.js';

type Verb = 'add' | 'delete' | 'get' | 'list';

const verbs: readonly (readonly [string, Verb | 'help'])[] = [
  ['add', 'add'],
  ['delete', 'delete'],
  ['get', 'get'],
  ['list', 'list'],
  ['show', 'list'],
  ['lst', 'list'],
  ['help', 'help'],
];

export const chainVerbs: readonly string[] = verbs.map(([name]) => name);

function selectorOf({ chain }: FilterHead, verb: Verb, dev: string, parent: ChainSelector['parent']): ChainSelector {
  const number = chain ?? (verb === 'list' ? undefined : 0);
  return { dev, parent, ...(number !== undefined && { chain: number }) };
}

/** Undefined: about the host's qdiscs. */
export function parseChain(reader: WordReader, output: OutputOptions): Command | undefined {
  const { word } = reader;
  const verb = reader.more ? verbs.find(([name]) => findKeyword(word, [name]) !== undefined)?.[1] : 'list';
  if (verb === undefined) {
    throw unknownCommand(word, 'tc chain', chainVerbs);
  }
  if (verb === 'help') {
    throw new HelpRequest('tc chain');
  }
  reader.skip();
  const head = parseFilterHead(reader, verb, 'tc chain');
  if (head.handle !== undefined && head.kind === undefined && verb !== 'list') {
    throw refusal('Must specify filter type when using "handle"', 255);
  }
  const parent = placeOf(head);
  const { dev, kind } = head;
  if (dev !== undefined && parent === HOST_PARENT) {
    return undefined;
  }
  if (dev === undefined || parent === HOST_PARENT) {
    if (verb === 'list') {
      return undefined;
    }
    throw filterRefusal('RTNETLINK answers: No such device');
  }
  if (kind !== undefined) {
    throw verb === 'add'
      ? notSupported(`a template of a chain ("${kind}")`)
      : refusal(`What is "${kind}"? Try "tc chain help".`, 255);
  }
  const selector = selectorOf(head, verb, dev, parent);
  switch (verb) {
    case 'add':
      return { kind: 'chain-add', selector };
    case 'delete':
      return { kind: 'chain-del', selector };
    case 'get':
      return { kind: 'chain-get', selector, output };
    default:
      return { kind: 'chain-show', selector, output };
  }
}
