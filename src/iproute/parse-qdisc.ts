/** `tc qdisc …` (tc_qdisc.c of iproute2): ingress and clsact are vtep's, everything else is the host's. */
import { isQdiscHandle, parseClassId } from './class-id.js';
import type { Command, OutputOptions } from './commands.js';
import { duplicate, invalidArgument, notSupported, unknownCommand } from './errors.js';
import { HelpRequest } from './help.js';
import { suggest } from './suggest.js';
import { findKeyword, refusal, type WordReader } from './word-reader.js';

export const qdiscVerbs = ['add', 'change', 'replace', 'link', 'delete', 'list', 'show', 'lst', 'help'] as const;

export const qdiscWords = ['dev', 'handle', 'parent', 'root', 'ingress', 'clsact', 'help'] as const;

const CLSACT_PARENT = 0xfffffff1;
const INGRESS_MAJOR = 0xffff;

interface Target {
  dev?: string;
  handle?: string;
  parent?: number;
  qdisc?: 'ingress' | 'clsact';
}

/** One word of the head; false at the kind of another qdisc. */
function parseTargetWord(reader: WordReader, target: Target): boolean {
  const { word } = reader;
  if (word === 'dev') {
    const dev = reader.advance();
    if (target.dev !== undefined) {
      throw duplicate('dev', dev);
    }
    target.dev = dev;
  } else if (word === 'handle') {
    if (target.handle !== undefined) {
      throw duplicate('handle', word);
    }
    target.handle = reader.advance();
    if (!isQdiscHandle(target.handle)) {
      throw invalidArgument('invalid qdisc ID', target.handle);
    }
  } else if (word === 'root' || word === 'ingress' || word === 'clsact') {
    if (target.parent !== undefined) {
      throw refusal(`Error: "${word}" is ${word === 'root' ? '' : 'a '}duplicate parent ID`, 255);
    }
    target.parent = word === 'root' ? 0xffffffff : CLSACT_PARENT;
    if (word !== 'root') {
      target.qdisc = word;
    }
  } else if (word === 'parent') {
    const text = reader.advance();
    if (target.parent !== undefined) {
      throw duplicate('parent', text);
    }
    target.parent = parseClassId(text);
    if (target.parent === undefined) {
      throw invalidArgument('invalid parent ID', text);
    }
  } else if (word === 'ingress_block' || word === 'egress_block') {
    throw notSupported(`a shared block ("${word}")`);
  } else if (findKeyword(word, ['stab', 'estimator', 'help']) === 'help') {
    throw new HelpRequest('tc qdisc');
  } else {
    return false;
  }
  return true;
}

/** Undefined: about another qdisc. */
function parseTarget(reader: WordReader): Target | undefined {
  const target: Target = {};
  for (; reader.more && target.qdisc === undefined; reader.skip()) {
    if (!parseTargetWord(reader, target)) {
      return undefined;
    }
  }
  if (target.qdisc !== undefined && reader.more) {
    throw refusal(`What is "${reader.word}"?\nUsage: ... ${target.qdisc}`);
  }
  return target;
}

function parseModify(verb: 'add' | 'change' | 'replace' | 'link' | 'delete', reader: WordReader): Command | undefined {
  const target = parseTarget(reader);
  if (target === undefined) {
    return undefined;
  }
  const { dev, qdisc, parent, handle } = target;
  const isIngressHandle = Number.parseInt(handle ?? '', 16) === INGRESS_MAJOR;
  const anyKind = qdisc === undefined && verb === 'delete' && (parent === CLSACT_PARENT || isIngressHandle);
  if (qdisc === undefined && !anyKind) {
    return undefined;
  }
  if (dev === undefined) {
    throw refusal('RTNETLINK answers: No such device', 2);
  }
  if (verb === 'delete') {
    return { kind: 'qdisc-del', dev, qdisc: qdisc ?? 'ingress', ...(anyKind && { anyKind }) };
  }
  // Without a way to make one, `link` is another word for `change`.
  const mode = verb === 'link' ? 'change' : verb;
  return { kind: 'qdisc-add', dev, qdisc: qdisc ?? 'ingress', ...(mode !== 'add' && { mode }) };
}

/** Undefined: asks for what only the host has (a root, a parent, a handle). */
function parseShow(reader: WordReader, output: OutputOptions): Command | undefined {
  let dev: string | undefined;
  let isHost = false;
  let hook = false;
  for (; reader.more; reader.skip()) {
    const { word } = reader;
    if (word === 'dev') {
      dev = reader.advance();
    } else if (word === 'root' || word === 'parent' || word === 'handle' || findKeyword(word, ['invisible'])) {
      isHost = true;
      if (word === 'parent' || word === 'handle') {
        reader.advance();
      }
    } else if (findKeyword(word, ['help']) !== undefined) {
      throw new HelpRequest('tc qdisc');
    } else if (word === 'ingress' || word === 'clsact') {
      hook = true;
    } else {
      throw refusal(`What is "${word}"? Try "tc qdisc help".${suggest(word, qdiscWords)}`, 255);
    }
  }
  if (isHost) {
    return undefined;
  }
  return { kind: 'qdisc-show', ...(dev !== undefined && { dev }), ...(hook && { hook }), output };
}

/** Undefined: the line is about the host's qdiscs. */
export function parseQdisc(reader: WordReader, output: OutputOptions): Command | undefined {
  const verb = reader.more ? findKeyword(reader.word, qdiscVerbs) : 'list';
  if (verb === undefined) {
    throw unknownCommand(reader.word, 'tc qdisc', qdiscVerbs);
  }
  reader.skip();
  switch (verb) {
    case 'help':
      throw new HelpRequest('tc qdisc');
    case 'list':
    case 'show':
    case 'lst':
      return parseShow(reader, output);
    default:
      return parseModify(verb, reader);
  }
}
