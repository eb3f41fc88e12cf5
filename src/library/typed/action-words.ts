/** Actions as the words of `tc … action`. */
import { actionKinds } from '../../iproute/action-kinds.js';
import { isCustomAction } from '../../iproute/custom-actions.js';
import { formatHex } from '../../iproute/numbers.js';
import { csumTargets } from '../../iproute/parse-csum.js';
import { VtepError } from '../errors.js';
import { putMunge } from './pedit-words.js';
import {
  Fields,
  flagOf,
  invalid,
  isObject,
  listOf,
  numberOf,
  numberOrText,
  numberWord,
  onlyTrue,
  textOf,
  type Words,
  wordIn,
} from './words.js';

const CONTROLS = ['pass', 'drop', 'pipe', 'continue', 'reclassify', 'trap'] as const;
const plainControl = wordIn(CONTROLS);

function controlWords(control: unknown, property: string): readonly string[] {
  if (!isObject(control)) return [plainControl(control, property)];
  const fields = new Fields(control, property);
  const name = fields.oneOf(['goto', 'jump'] as const);
  const number = fields.must(name, numberWord);
  fields.end();
  return name === 'goto' ? ['goto', 'chain', number] : ['jump', number];
}

function putControl(words: Words, fields: Fields, name = 'control'): void {
  const control = fields.maybe(name, controlWords);
  if (control) words.add(fields.at(name), ...control);
}

function cookieWord(cookie: unknown, property: string): string {
  return cookie instanceof Uint8Array ? formatHex(cookie) : textOf(cookie, property);
}

/** `value/mask`, as the mark of skbedit has it. */
function markWord(mark: unknown, property: string): string {
  if (!isObject(mark)) return numberWord(mark, property);
  const fields = new Fields(mark, property);
  const word = `${fields.must('value', numberOf)}/${fields.must('mask', numberOf)}`;
  fields.end();
  return word;
}

type Kind = (words: Words, fields: Fields) => void;

/** A verb without arguments. */
function putVerb(words: Words, fields: Fields, verb: string): void {
  fields.must(verb, onlyTrue);
  words.add(fields.at(verb), verb);
}

function putTunnelKey(words: Words, fields: Fields): void {
  const verb = fields.oneOf(['unset', 'set'] as const);
  if (verb === 'unset') putVerb(words, fields, verb);
  else {
    const set = new Fields(fields.take('set'), fields.at('set'));
    words.add(set.property, 'set');
    for (const name of ['src_ip', 'dst_ip']) set.put(words, name, textOf);
    for (const name of ['id', 'dst_port', 'vxlan_opts', 'tos', 'ttl']) set.put(words, name, numberWord);
    const csum = set.maybe('csum', flagOf);
    if (csum !== undefined) words.add(set.at('csum'), csum ? 'csum' : 'nocsum');
    set.flag(words, 'nofrag');
    set.end();
  }
  putControl(words, fields);
}

function putMirred(words: Words, fields: Fields): void {
  const direction = fields.oneOf(['egress', 'ingress'] as const);
  const mode = fields.must(direction, wordIn(['redirect', 'mirror'] as const));
  words.add(fields.at(direction), direction, mode);
  fields.put(words, 'dev', textOf);
  if (!fields.has('dev')) throw invalid(fields.at('dev'), 'it is missing');
  // What is redirected has gone.
  if (mode === 'redirect' && fields.has('control')) throw invalid(fields.at('control'), 'a redirect has none');
  putControl(words, fields);
}

function putGact(words: Words, fields: Fields): void {
  words.add(fields.at('control'), ...fields.must('control', controlWords));
  if (!fields.has('random')) return;
  const random = new Fields(fields.take('random'), fields.at('random'));
  words.add(random.at('type'), 'random', random.must('type', wordIn(['netrand', 'determ'] as const)));
  words.add(random.at('control'), ...random.must('control', controlWords));
  words.add(random.at('val'), random.must('val', numberWord));
  random.end();
}

function putVlan(words: Words, fields: Fields): void {
  const verb = fields.oneOf(['pop', 'push', 'modify', 'pop_eth', 'push_eth'] as const);
  if (verb === 'pop' || verb === 'pop_eth') putVerb(words, fields, verb);
  else {
    const tag = new Fields(fields.take(verb), fields.at(verb));
    words.add(tag.property, verb);
    if (verb === 'push_eth') for (const name of ['dst_mac', 'src_mac']) tag.put(words, name, textOf);
    else {
      tag.put(words, 'id', numberWord);
      tag.put(words, 'protocol', textOf);
      tag.put(words, 'priority', numberWord);
    }
    tag.end();
  }
  putControl(words, fields);
}

function putPedit(words: Words, fields: Fields): void {
  if (fields.maybe('ex', flagOf) !== false) words.add(fields.at('ex'), 'ex');
  for (const [i, munge] of fields.must('munge', listOf).entries())
    putMunge(words, new Fields(munge, `${fields.at('munge')}[${i}]`));
  putControl(words, fields);
}

const csumTarget = wordIn(csumTargets);

function putCsum(words: Words, fields: Fields): void {
  for (const [i, target] of fields.must('update', listOf).entries()) {
    const property = `${fields.at('update')}[${i}]`;
    words.add(property, csumTarget(target, property));
  }
  putControl(words, fields);
}

function putSkbedit(words: Words, fields: Fields): void {
  fields.put(words, 'queue_mapping', numberWord);
  fields.put(words, 'priority', textOf);
  fields.put(words, 'mark', markWord);
  fields.flag(words, 'inheritdsfield');
  putControl(words, fields);
}

function putPolice(words: Words, fields: Fields): void {
  for (const name of ['rate', 'burst', 'peakrate']) fields.put(words, name, numberOrText);
  for (const name of ['pkts_rate', 'pkts_burst']) fields.put(words, name, numberWord);
  for (const name of ['mtu', 'mpu']) fields.put(words, name, numberOrText);
  fields.put(words, 'overhead', numberWord);
  fields.put(words, 'linklayer', textOf);
  if (!fields.has('exceed') && !fields.has('conform')) return;
  words.add(fields.at('exceed'), 'conform-exceed', ...(fields.maybe('exceed', controlWords) ?? ['reclassify']));
  const conform = fields.maybe('conform', controlWords);
  if (conform) words.add(fields.at('conform'), '/', ...conform);
}

function putSample(words: Words, fields: Fields): void {
  for (const name of ['rate', 'group', 'trunc']) fields.put(words, name, numberWord);
  putControl(words, fields);
}

function dataWord(data: unknown, property: string): string {
  if (typeof data === 'string' && !data.includes('\0')) return data;
  throw invalid(property, 'it is not a string');
}

function putSimple(words: Words, fields: Fields): void {
  fields.put(words, 'sdata', dataWord);
  putControl(words, fields);
}

/** By the kind, which is the first word of each but `custom`. */
const kinds: Record<(typeof actionKinds)[number], Kind> = {
  tunnel_key: putTunnelKey,
  mirred: putMirred,
  gact: putGact,
  vlan: putVlan,
  pedit: putPedit,
  csum: putCsum,
  skbedit: putSkbedit,
  police: putPolice,
  sample: putSample,
  simple: putSimple,
};

const kindWord = wordIn([...actionKinds, 'custom', 'reference'] as const);

/** The name of a function's action; a word of tc's would be another action. */
function customWord(name: unknown, property: string): string {
  const word = textOf(name, property);
  if (isCustomAction(word)) return word;
  throw new VtepError('refused', `Bad action type ${word}`, { exitCode: 255, property });
}

/** `action`, and the words of one. */
export function putAction(words: Words, action: unknown, property: string): void {
  if (typeof action === 'string') {
    words.add(property, 'action', 'gact', plainControl(action, property));
    return;
  }
  if (isObject(action) && action.kind === undefined && ('goto' in action || 'jump' in action)) {
    words.add(property, 'action', 'gact', ...controlWords(action, property));
    return;
  }
  const fields = new Fields(action, property);
  const kind = fields.must('kind', kindWord);
  words.add(property, 'action');
  if (kind === 'custom') {
    words.add(fields.at('name'), fields.must('name', customWord));
    putControl(words, fields);
  } else if (kind === 'reference') {
    words.add(fields.at('of'), fields.must('of', wordIn(actionKinds)));
    if (!fields.has('index')) throw invalid(fields.at('index'), 'it is missing');
  } else {
    words.add(fields.at('kind'), kind);
    kinds[kind](words, fields);
  }
  fields.put(words, 'index', numberWord);
  fields.put(words, 'cookie', cookieWord);
  fields.end();
}
