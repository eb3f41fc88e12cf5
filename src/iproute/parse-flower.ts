/** The options of `tc filter add … flower OPTIONS` (flower_parse_opt of iproute2). */
import { FIRST_HW_TC, LAST_HW_TC, parseClassId } from './class-id.js';
import type { ActionSpec, CommandError, FlowerKey, FlowerKeyName } from './commands.js';
import { filterRefusal, notSupported } from './errors.js';
import { ETH_P_8021AD, ETH_P_8021Q, ETH_P_ALL, ETH_P_ARP, ETH_P_IP, ETH_P_IPV6, ETH_P_RARP } from './ether-type.js';
import { parsePortRange } from './flower-header-values.js';
import {
  type FlowerKeyRow,
  flowerWholeWords,
  flowerWords,
  inPrintOrder,
  refusedName,
  typedFlowerKey,
} from './flower-keys.js';
import { exact, type FlowerContext } from './flower-value.js';
import { flowerValues, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP } from './flower-values.js';
import { HelpRequest } from './help.js';
import { fromBytes, parseUnsigned, toBytes } from './numbers.js';
import { parseActions } from './parse-actions.js';
import { suggest } from './suggest.js';
import { findKeyword, refusal, type WordReader } from './word-reader.js';

/** Major number of every hook's parent. */
const ROOT_MAJOR = 0xffff;

export interface FlowerOptions {
  readonly keys: readonly FlowerKey[];
  readonly skipHw: boolean;
  readonly verbose?: true;
  readonly classid?: number;
  readonly actions: readonly ActionSpec[];
}

/** The ports of a filter whose ip_proto has them. */
const WITH_PORTS: readonly (number | undefined)[] = [IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP];

function isVlan(etherType: number): boolean {
  return etherType === ETH_P_8021Q || etherType === ETH_P_8021AD;
}

/** Whether tc takes a key that is about a tag, after what has been read (eth_type_vlan of iproute2). */
function checkTag({ name, kind, needs }: FlowerKeyRow, context: FlowerContext): void {
  const isInner = needs === 'cvlan';
  const isEtherType = kind === 'vlan-ethtype';
  const outer = isEtherType ? context.etherType : context.protocol;
  if (isVlan(isInner ? context.vlanEtherType : outer) || context.vlans > (isInner ? 1 : 0)) {
    return;
  }
  const what = isInner && !isEtherType ? 'inner vlan ethertype' : 'ethertype';
  const few = isInner ? `${isEtherType ? '' : 'is '}less than 2` : 'is 0';
  throw refusal(`Can't set "${name}" if ${what} isn't 802.1Q or 802.1AD and num_of_vlans ${few}`);
}

function checkNeeds(row: FlowerKeyRow, context: FlowerContext): void {
  const { etherType, ipProto } = context;
  const isFit = {
    ip: etherType === ETH_P_IP || etherType === ETH_P_IPV6,
    arp: etherType === ETH_P_ARP || etherType === ETH_P_RARP,
    transport: WITH_PORTS.includes(ipProto),
    icmp:
      (etherType === ETH_P_IP && ipProto === IPPROTO_ICMP) || (etherType === ETH_P_IPV6 && ipProto === IPPROTO_ICMPV6),
  };
  if (row.needs === 'vlan' || row.needs === 'cvlan') {
    checkTag(row, context);
  } else if (row.needs !== undefined && !isFit[row.needs]) {
    const first = row.kind === 'ip-proto' ? 'Illegal "eth_type" for ip proto\n' : '';
    throw refusal(`${first}Illegal "${refusedName(row)}"`);
  }
}

interface ReadKey {
  readonly word: string;
  readonly etherType: number;
  readonly key: FlowerKey;
}

/**
 * The key of each row that was read last. The lines of a file are much alike, and what they share is then one object,
 * which nobody writes to: a table of many filters is half as large.
 */
const lastRead = new Map<FlowerKeyRow, ReadKey>();

/** Kinds whose value is not only that of the word and the EtherType. */
const addsUp = new Set<FlowerKeyRow['kind']>(['ip-flags', 'enc-flags']);

function parseKey(row: FlowerKeyRow, reader: WordReader, context: FlowerContext): FlowerKey {
  const word = reader.advance();
  const rangeName = row.name === 'dst_port' ? 'dst_port_range' : row.name === 'src_port' ? 'src_port_range' : undefined;
  const range = rangeName && parsePortRange(word, row.name);
  checkNeeds(row, context);
  if (rangeName !== undefined && range !== undefined) {
    return { name: rangeName, ...range };
  }
  const { etherType } = context;
  const last = lastRead.get(row);
  if (last !== undefined && last.word === word && last.etherType === etherType) {
    return last.key;
  }
  const parsed = flowerValues[row.kind].parse(word, context, row);
  if (parsed === undefined) {
    throw refusal(`${row.kind === 'mac' ? lladdrRefusal(word) : ''}Illegal "${refusedName(row)}"`);
  }
  const key = { name: row.name, value: parsed.value, mask: parsed.mask };
  if (!addsUp.has(row.kind)) {
    lastRead.set(row, { word, etherType, key });
  }
  return key;
}

/** What ll_addr_a2n says first: the part that is no octet, if that is what is wrong. */
function lladdrRefusal(word: string): string {
  const part = word.split(/[:/]/).find((octet) => !/^[0-9a-fA-F]{1,2}$/.test(octet));
  return part === undefined ? '' : `"${part}" is invalid lladdr.\n`;
}

/** An action is where its filter is (tcf_action_init). */
function mismatch(): CommandError {
  return filterRefusal('Error: Mismatch between action and filter offload flags.');
}

function checkSkipSoftware(skipSw: boolean, skipHw: boolean): void {
  if (skipSw) {
    throw filterRefusal(`RTNETLINK answers: ${skipHw ? 'Invalid argument' : 'Operation not supported'}`);
  }
}

/** The full word. What is written out needs no search. */
function flowerWord(word: string): string | undefined {
  const isWhole = flowerWholeWords.includes(word) || typedFlowerKey(word) !== undefined;
  return isWhole ? word : findKeyword(word, flowerWords);
}

/** `hw_tc N`: a classid that stands for a traffic class of hardware. */
function parseHardwareClass(reader: WordReader): number {
  const word = reader.advance();
  const number = parseUnsigned(word, 0, Number.MAX_SAFE_INTEGER);
  if (number === undefined) {
    throw refusal('Illegal TC index');
  }
  if (number > LAST_HW_TC - FIRST_HW_TC) {
    throw refusal('TC index exceeds max range');
  }
  return ROOT_MAJOR * 0x10000 + FIRST_HW_TC + number;
}

/** The keys as they are read, and what those say that later ones are read by. */
class FlowerKeys {
  readonly #keys = new Map<FlowerKeyName, FlowerKey>();
  readonly #protocol: number;

  constructor(protocol: number) {
    this.#protocol = protocol;
  }

  /** The number that a key holds. */
  number(name: FlowerKeyName): number | undefined {
    const key = this.#keys.get(name);
    return key && fromBytes(key.value);
  }

  read(row: FlowerKeyRow, reader: WordReader): void {
    const vlanEtherType = this.number('vlan_ethtype');
    const key = parseKey(row, reader, {
      protocol: this.#protocol,
      etherType: this.number('cvlan_ethtype') ?? vlanEtherType ?? this.#protocol,
      vlanEtherType: vlanEtherType ?? 0,
      vlans: this.number('num_of_vlans') ?? 0,
      ipProto: this.number('ip_proto'),
      before: this.#keys.get(row.name),
    });
    this.#keys.set(key.name, key);
  }

  /**
   * The EtherType behind the tags that the filter is about, if it says one: what the kernel makes of `protocol` and
   * the types behind the tags (is_vlan_key of cls_flower.c), compares with the frame and prints as eth_type.
   */
  get #etherType(): number | undefined {
    const vlans = this.number('num_of_vlans') ?? 0;
    const behindTag = this.number('vlan_ethtype');
    if (this.#protocol === ETH_P_ALL || this.#protocol === 0) {
      if (vlans === 0) return undefined;
    } else if (vlans === 0 && !isVlan(this.#protocol)) {
      return this.#protocol;
    }
    const isSecondTag = vlans > 1 || (behindTag !== undefined && isVlan(behindTag));
    return isSecondTag ? this.number('cvlan_ethtype') : behindTag;
  }

  /** All of them, and eth_type. Throws CommandError on those that the kernel would leave out without a word. */
  finish(): FlowerKey[] {
    const etherType = this.#etherType;
    const isArp = etherType === ETH_P_ARP || etherType === ETH_P_RARP;
    const isIp = etherType === ETH_P_IP || etherType === ETH_P_IPV6;
    for (const { name } of this.#keys.values()) {
      if ((name === 'ip_tos' || name === 'ip_ttl') && !isIp) {
        throw notSupported(`flower key "${name}" without protocol ip or ipv6`);
      }
      if (name === 'tcp_flags' && !(isIp && this.number('ip_proto') === IPPROTO_TCP)) {
        throw notSupported(`flower key "${name}" without ip_proto tcp`);
      }
      if (name.startsWith('arp_') && !isArp) {
        throw notSupported(`flower key "${name}" without protocol arp or rarp`);
      }
      if (name === 'l2_miss' && (this.number(name) ?? 0) > 1) {
        throw filterRefusal('Error: integer out of range.');
      }
    }
    if (etherType !== undefined) {
      const { value, mask } = exact(toBytes(etherType, 2));
      this.#keys.set('eth_type', { name: 'eth_type', value, mask });
    }
    return inPrintOrder([...this.#keys.values()]);
  }
}

/** Reads to the end of the line. `protocol` as in FilterSpec. */
export function parseFlower(reader: WordReader, protocol: number): FlowerOptions {
  const keys = new FlowerKeys(protocol);
  let classid: number | undefined;
  let actions: readonly ActionSpec[] = [];
  let skipHw = false;
  let isVerbose = false;
  let skipSw = false;
  while (reader.more) {
    const { word } = reader;
    const name = flowerWord(word);
    const row = name === undefined ? undefined : typedFlowerKey(name);
    if (row !== undefined) {
      keys.read(row, reader);
    } else if (name === 'classid' || name === 'flowid') {
      classid = reader.argument(parseClassId, () => refusal('Illegal "classid"'));
    } else if (name === 'hw_tc') {
      classid = parseHardwareClass(reader);
    } else if (name === 'skip_hw') {
      skipHw = true;
    } else if (name === 'skip_sw') {
      skipSw = true;
    } else if (name === 'action') {
      reader.advance();
      const isSkipHw = skipHw;
      actions = parseActions(reader, (skip) => (isSkipHw && skip === 'skip_hw' ? undefined : mismatch())) ?? actions;
      continue;
    } else if (name === 'help') {
      throw new HelpRequest('tc filter flower');
    } else if (name === undefined) {
      throw refusal(`What is "${word}"?${suggest(word, [...flowerWords, ...flowerWholeWords])}`);
    } else if (name === 'verbose') {
      isVerbose = true;
    } else {
      throw notSupported(`flower key "${name}"`);
    }
    reader.skip();
  }
  checkSkipSoftware(skipSw, skipHw);
  return {
    keys: keys.finish(),
    skipHw,
    ...(classid !== undefined && { classid }),
    ...(isVerbose && { verbose: true }),
    actions,
  };
}
