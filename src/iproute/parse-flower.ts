/** The options of `tc filter add … flower OPTIONS` (flower_parse_opt of iproute2). */
import { parseClassId } from './class-id.js';
import type { ActionSpec, FlowerKey, FlowerKeyName } from './commands.js';
import { filterRefusal, notSupported } from './errors.js';
import { ETH_P_ALL, ETH_P_IP, ETH_P_IPV6 } from './ether-type.js';
import { type FlowerKeyRow, flowerKey, flowerWholeWords, flowerWords, inPrintOrder } from './flower-keys.js';
import {
  exact,
  type FlowerContext,
  flowerValues,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  type MaskedValue,
} from './flower-values.js';
import { HelpRequest } from './help.js';
import { fromBytes, toBytes } from './numbers.js';
import { parseActions } from './parse-actions.js';
import { suggest } from './suggest.js';
import { findKeyword, refusal, type WordReader } from './word-reader.js';

export interface FlowerOptions {
  readonly keys: readonly FlowerKey[];
  readonly skipHw: boolean;
  readonly classid?: number;
  readonly actions: readonly ActionSpec[];
}

function checkNeeds(row: FlowerKeyRow, { protocol, ipProto }: FlowerContext): void {
  const isIp = protocol === ETH_P_IP || protocol === ETH_P_IPV6;
  if (row.needs === 'ip' && !isIp) {
    const first = row.kind === 'ip-proto' ? 'Illegal "eth_type" for ip proto\n' : '';
    throw refusal(`${first}Illegal "${row.name}"`);
  }
  const hasPorts = ipProto === IPPROTO_TCP || ipProto === IPPROTO_UDP || ipProto === IPPROTO_SCTP;
  if (row.needs === 'transport' && !hasPorts) {
    throw refusal(`Illegal "${row.name}"`);
  }
}

/** Port ranges are valid for tc, and not yet for vtep. */
function refuseRange(row: FlowerKeyRow, word: string): void {
  const range = /^([0-9]{1,5})-([0-9]{1,5})$/.exec(word);
  if (row.kind !== 'port' || range === null || Number(range[1]) > 0xffff || Number(range[2]) > 0xffff) {
    return;
  }
  if (Number(range[2]) <= Number(range[1])) {
    throw refusal(`max value should be greater than min value\nIllegal "${row.name}"`);
  }
  throw notSupported(`a range of ports ("${row.name} ${word}")`);
}

function parseKey(row: FlowerKeyRow, reader: WordReader, context: FlowerContext): MaskedValue {
  const word = reader.advance();
  checkNeeds(row, context);
  refuseRange(row, word);
  const parsed = flowerValues[row.kind].parse(word, context, row);
  if (parsed === undefined) {
    throw refusal(`${row.kind === 'mac' ? lladdrRefusal(word) : ''}Illegal "${row.name}"`);
  }
  return parsed;
}

/** What ll_addr_a2n says first: the part that is no octet, if that is what is wrong. */
function lladdrRefusal(word: string): string {
  const part = word.split(/[:/]/).find((octet) => !/^[0-9a-fA-F]{1,2}$/.test(octet));
  return part === undefined ? '' : `"${part}" is invalid lladdr.\n`;
}

function checkSkipSoftware(skipSw: boolean, skipHw: boolean): void {
  if (skipSw) {
    throw filterRefusal(`RTNETLINK answers: ${skipHw ? 'Invalid argument' : 'Operation not supported'}`);
  }
}

/** The full word. What is written out needs no search; eth_type cannot be typed. */
function flowerWord(word: string): string | undefined {
  const isWhole = flowerWholeWords.includes(word) || (word !== 'eth_type' && flowerKey(word) !== undefined);
  return isWhole ? word : findKeyword(word, flowerWords);
}

/** Reads to the end of the line. `protocol` as in FilterSpec. */
export function parseFlower(reader: WordReader, protocol: number): FlowerOptions {
  const keys = new Map<FlowerKeyName, FlowerKey>();
  let classid: number | undefined;
  let actions: readonly ActionSpec[] = [];
  let skipHw = false;
  let skipSw = false;
  while (reader.more) {
    const { word } = reader;
    const name = flowerWord(word);
    const row = name === undefined ? undefined : flowerKey(name);
    if (row !== undefined) {
      const ipProto = keys.get('ip_proto');
      const context = { protocol, ipProto: ipProto && fromBytes(ipProto.value) };
      keys.set(row.name, { name: row.name, ...parseKey(row, reader, context) });
    } else if (name === 'classid' || name === 'flowid') {
      classid = reader.argument(parseClassId, () => refusal('Illegal "classid"'));
    } else if (name === 'skip_hw') {
      skipHw = true;
    } else if (name === 'skip_sw') {
      skipSw = true;
    } else if (name === 'action') {
      reader.advance();
      actions = parseActions(reader) ?? actions;
      continue;
    } else if (name === 'help') {
      throw new HelpRequest('tc filter flower');
    } else if (name === undefined) {
      throw refusal(`What is "${word}"?${suggest(word, [...flowerWords, ...flowerWholeWords])}`);
    } else if (name !== 'verbose') {
      throw notSupported(`flower key "${name}"`);
    }
    reader.skip();
  }
  checkSkipSoftware(skipSw, skipHw);
  if (protocol !== ETH_P_ALL && protocol !== 0) {
    keys.set('eth_type', { name: 'eth_type', ...exact(toBytes(protocol, 2)) });
  }
  return { keys: inPrintOrder([...keys.values()]), skipHw, ...(classid !== undefined && { classid }), actions };
}
