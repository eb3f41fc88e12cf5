/** Forwarding entries and VNI filters as the words of `bridge`. */
import { Fields, flagOf, invalid, isObject, numberWord, textOf, Words, wordIn } from './words.js';

/** It stands without a word before it, where other words could be meant. */
function macWord(mac: unknown, property: string): string {
  const word = textOf(mac, property);
  if (/^[0-9a-f:]+$/i.test(word)) return word;
  throw invalid(property, `"${word}" is no MAC address`);
}

function putTarget(words: Words, fields: Fields): void {
  fields.put(words, 'dst', textOf);
  for (const name of ['port', 'vni', 'src_vni']) fields.put(words, name, numberWord);
  fields.put(words, 'via', textOf);
}

export function fdbWords(verb: 'add' | 'append' | 'replace' | 'del', entry: unknown): Words {
  const fields = new Fields(entry);
  const words = new Words().add('', 'bridge', 'fdb', verb);
  words.add('mac', fields.must('mac', macWord));
  words.add('dev', 'dev', fields.must('dev', textOf));
  putTarget(words, fields);
  words.add('', 'self');
  if (verb !== 'del') {
    const state = fields.maybe('state', wordIn(['permanent', 'static', 'dynamic'] as const));
    words.add('state', state ?? 'permanent');
    for (const name of ['router', 'extern_learn', 'sticky']) fields.flag(words, name);
  }
  fields.end();
  return words;
}

export function fdbFlush(flush: unknown): Words {
  const fields = new Fields(flush);
  const words = new Words().add('', 'bridge', 'fdb', 'flush');
  words.add('dev', 'dev', fields.must('dev', textOf));
  putTarget(words, fields);
  for (const name of ['permanent', 'static', 'dynamic', 'extern_learn', 'router']) {
    const value = fields.maybe(name, flagOf);
    if (value !== undefined) words.add(name, value ? name : `no${name}`);
  }
  fields.end();
  return words;
}

/** `4`, `4-7`, `4,6-9`. */
function vniList(vni: unknown, property: string): string {
  const list: readonly unknown[] = Array.isArray(vni) ? vni : [vni];
  return list.map((one, i) => vniWord(one, Array.isArray(vni) ? `${property}[${i}]` : property)).join(',');
}

function vniWord(vni: unknown, property: string): string {
  if (!isObject(vni)) return numberWord(vni, property);
  const fields = new Fields(vni, property);
  const word = `${fields.must('from', numberWord)}-${fields.must('to', numberWord)}`;
  fields.end();
  return word;
}

export function vniWords(verb: 'add' | 'del', given: unknown): Words {
  const fields = new Fields(given);
  const words = new Words().add('', 'bridge', 'vni', verb);
  words.add('vni', 'vni', fields.must('vni', vniList));
  words.add('dev', 'dev', fields.must('dev', textOf));
  if (verb === 'add') for (const name of ['group', 'remote']) fields.put(words, name, textOf);
  fields.end();
  return words;
}
