/** Qdiscs, chains, filters and actions as the words of `tc`. */
import { actionKinds } from '../../iproute/action-kinds.js';
import { formatClassId } from '../../iproute/class-id.js';
import { putAction } from './action-words.js';
import { putMatch } from './match-words.js';
import { Fields, listOf, numberOf, numberOrText, numberWord, textOf, Words, wordIn } from './words.js';

const kindWord = wordIn(actionKinds);
const hookWord = wordIn(['ingress', 'egress'] as const);

function classWord(id: unknown, property: string): string {
  return typeof id === 'number' ? formatClassId(numberOf(id, property)) : textOf(id, property);
}

/** `dev NAME HOOK`. */
function putHook(words: Words, fields: Fields): void {
  words.add(fields.at('dev'), 'dev', fields.must('dev', textOf));
  words.add(fields.at('hook'), fields.maybe('hook', hookWord) ?? 'ingress');
}

export function qdiscWords(verb: 'add' | 'del', qdisc: unknown): Words {
  const fields = new Fields(qdisc);
  const words = new Words().add('', 'tc', 'qdisc', verb);
  words.add('dev', 'dev', fields.must('dev', textOf));
  words.add('kind', fields.must('kind', wordIn(['ingress', 'clsact'] as const)));
  fields.end();
  return words;
}

export function chainWords(verb: 'add' | 'del', chain: unknown): Words {
  const fields = new Fields(chain);
  const words = new Words().add('', 'tc', 'chain', verb);
  putHook(words, fields);
  words.add('chain', 'chain', fields.must('chain', numberWord));
  fields.end();
  return words;
}

/** Where a filter stands: all of it that is said. */
function putPlace(words: Words, fields: Fields): void {
  putHook(words, fields);
  fields.put(words, 'protocol', numberOrText);
  for (const name of ['pref', 'chain', 'handle']) fields.put(words, name, numberWord);
}

export function filterWords(verb: 'add' | 'replace' | 'change', filter: unknown): Words {
  const fields = new Fields(filter);
  const words = new Words().add('', 'tc', 'filter', verb);
  putPlace(words, fields);
  words.add('', 'flower');
  fields.flag(words, 'verbose');
  fields.flag(words, 'skip_hw');
  const match = fields.take('match');
  if (match !== undefined) putMatch(words, match, 'match');
  fields.put(words, 'classid', classWord);
  for (const [i, action] of (fields.maybe('actions', listOf) ?? []).entries())
    putAction(words, action, `actions[${i}]`);
  fields.end();
  return words;
}

export function filterDeletion(place: unknown): Words {
  const fields = new Fields(place);
  const words = new Words().add('', 'tc', 'filter', 'del');
  putPlace(words, fields);
  if (fields.has('handle')) words.add('', 'flower');
  fields.end();
  return words;
}

export function actionsWords(verb: 'add' | 'replace', actions: readonly unknown[]): Words {
  const words = new Words().add('', 'tc', 'actions', verb);
  for (const [i, action] of actions.entries()) putAction(words, action, actions.length === 1 ? '' : `[${i}]`);
  return words;
}

export function actionDeletion(action: unknown): Words {
  const fields = new Fields(action);
  const words = new Words().add('', 'tc', 'actions', 'del');
  words.add('kind', 'action', fields.must('kind', kindWord));
  words.add('index', 'index', fields.must('index', numberWord));
  fields.end();
  return words;
}

export function actionFlush(kind: unknown): Words {
  return new Words().add('', 'tc', 'actions', 'flush', 'action').add('kind', kindWord(kind, 'kind'));
}
