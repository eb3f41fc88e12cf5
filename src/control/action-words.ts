/** The words of an action, from what was asked for (see actions/program.ts for their places). */
import {
  ACTION_WORDS,
  ActionKind,
  ActionWord,
  CSUM_ICMP,
  CSUM_IGMP,
  CSUM_IPV4,
  CSUM_SCTP,
  CSUM_TCP,
  CSUM_UDP,
  CSUM_UDPLITE,
  MIRRED_INGRESS,
  MIRRED_REDIRECT,
  PEDIT_WORDS,
  PeditHeader,
  PeditWord,
  POLICE_WORDS,
  PoliceWord,
  RANDOM_DETERM,
  RANDOM_NETRAND,
  RANDOM_NONE,
  SKBEDIT_INHERIT,
  SKBEDIT_MARK,
  SKBEDIT_PRIORITY,
  Verdict,
  VLAN_MODIFY,
  VLAN_POP,
  VLAN_POP_ETH,
  VLAN_PUSH,
  VLAN_PUSH_ETH,
} from '../actions/program.js';
import type {
  ActionDetail,
  Control,
  CsumTarget,
  PeditHeader as HeaderName,
  Pedit,
  Police,
} from '../iproute/commands.js';
import { NANOSECONDS_PER_TICK } from '../iproute/rates.js';

const verdicts = {
  pass: Verdict.OK,
  drop: Verdict.SHOT,
  pipe: Verdict.PIPE,
  continue: Verdict.CONTINUE,
  reclassify: Verdict.RECLASSIFY,
  stolen: Verdict.STOLEN,
  trap: Verdict.TRAP,
  goto: Verdict.GOTO,
  jump: Verdict.JUMP,
} as const;

const csumFlags: Readonly<Record<CsumTarget, number>> = {
  iph: CSUM_IPV4,
  icmp: CSUM_ICMP,
  igmp: CSUM_IGMP,
  tcp: CSUM_TCP,
  udp: CSUM_UDP,
  udplite: CSUM_UDPLITE,
  sctp: CSUM_SCTP,
};

const peditHeaders: Readonly<Record<HeaderName, number>> = {
  network: PeditHeader.NETWORK,
  eth: PeditHeader.ETH,
  ipv4: PeditHeader.IP4,
  ipv6: PeditHeader.IP6,
  tcp: PeditHeader.TCP,
  udp: PeditHeader.UDP,
};

/** Bits of the tag control information that `vlan modify` leaves: DEI, and the priority where none is given. */
const DEI = 0x1000;
const PRIORITY = 0xe000;
const PRIORITY_SHIFT = 13;

/** What of an action the daemon has numbers for. */
export interface ActionNumbers {
  /** Device index that mirred sends to. */
  readonly target: number;
  /** Record of tunnel_key set. */
  readonly tunnel: number;
  /** Token bucket of police, and its generation. */
  readonly bucket: number;
  readonly generation: number;
}

/** How many words an action takes. */
export function actionLength(spec: ActionDetail): number {
  if (spec.kind === 'pedit') return ACTION_WORDS + spec.keys.length * PEDIT_WORDS;
  return spec.kind === 'police' ? ACTION_WORDS + POLICE_WORDS : ACTION_WORDS;
}

/** Writes the words of an action at `words[at …]`: actionLength of them. */
export function writeActionWords(words: Int32Array, at: number, spec: ActionDetail, numbers: ActionNumbers): void {
  words.fill(0, at, at + actionLength(spec));
  words[at + ActionWord.CONTROL] = verdicts[spec.control.type];
  words[at + ActionWord.ARGUMENT] = argumentOf(spec.control);
  const [kind, ...operands] = operandsOf(spec, numbers);
  words[at + ActionWord.KIND] = kind ?? 0;
  for (const [n, operand] of operands.entries()) words[at + ActionWord.A + n] = operand | 0;
  if (spec.kind === 'pedit') writePedit(words, at + ACTION_WORDS, spec);
  else if (spec.kind === 'police') writePolice(words, at + ACTION_WORDS, spec);
}

function argumentOf(control: Control): number {
  if (control.type === 'goto') return control.chain | 0;
  return control.type === 'jump' ? control.count : 0;
}

/** The kind, and the words from A on. */
function operandsOf(spec: ActionDetail, numbers: ActionNumbers): number[] {
  switch (spec.kind) {
    case 'gact': {
      const { random } = spec;
      if (random === undefined) return [ActionKind.GACT, RANDOM_NONE];
      const type = random.type === 'netrand' ? RANDOM_NETRAND : RANDOM_DETERM;
      return [ActionKind.GACT, type, verdicts[random.control.type], argumentOf(random.control), random.value];
    }
    case 'tunnel_key':
      return spec.mode === 'unset' ? [ActionKind.TUNNEL_KEY_UNSET] : [ActionKind.TUNNEL_KEY_SET, numbers.tunnel];
    case 'mirred': {
      const flags =
        (spec.mode === 'redirect' ? MIRRED_REDIRECT : 0) | (spec.direction === 'ingress' ? MIRRED_INGRESS : 0);
      return [ActionKind.MIRRED, numbers.target, flags];
    }
    case 'vlan':
      switch (spec.mode) {
        case 'pop':
          return [ActionKind.VLAN, VLAN_POP];
        case 'pop_eth':
          return [ActionKind.VLAN, VLAN_POP_ETH];
        case 'push_eth': {
          const both = new DataView(Uint8Array.of(...spec.dstMac, ...spec.srcMac).buffer);
          return [ActionKind.VLAN, VLAN_PUSH_ETH, both.getInt32(0), both.getInt32(4), both.getInt32(8)];
        }
        default: {
          const tci = ((spec.priority ?? 0) << PRIORITY_SHIFT) | spec.id;
          const kept = spec.priority === undefined ? DEI | PRIORITY : DEI;
          return [ActionKind.VLAN, spec.mode === 'push' ? VLAN_PUSH : VLAN_MODIFY, spec.protocol, tci, kept];
        }
      }
    case 'pedit':
      return [ActionKind.PEDIT, spec.keys.length];
    case 'csum':
      return [ActionKind.CSUM, spec.targets.reduce((flags, target) => flags | csumFlags[target], 0)];
    case 'skbedit': {
      const { mark, mask = 0xffffffff, priority, inheritDsField } = spec;
      const what =
        (mark === undefined ? 0 : SKBEDIT_MARK) |
        (priority === undefined ? 0 : SKBEDIT_PRIORITY) |
        (inheritDsField ? SKBEDIT_INHERIT : 0);
      return [ActionKind.SKBEDIT, what, mark ?? 0, mask, priority ?? 0];
    }
    case 'police':
      return [
        ActionKind.POLICE,
        verdicts[spec.conform.type],
        argumentOf(spec.conform),
        numbers.bucket,
        numbers.generation,
      ];
    case 'sample':
      return [
        ActionKind.SAMPLE,
        spec.rate,
        spec.group,
        spec.truncate === undefined ? -1 : Math.min(spec.truncate, 65536),
      ];
    case 'simple':
      return [ActionKind.SIMPLE];
    case 'custom':
      return [ActionKind.CUSTOM, spec.number];
  }
}

function writePedit(words: Int32Array, at: number, { keys }: Pedit): void {
  for (const [n, { header, command, offset, mask, value, at: from, offMask, shift }] of keys.entries()) {
    const key = at + n * PEDIT_WORDS;
    words[key + PeditWord.HEADER] = peditHeaders[header];
    words[key + PeditWord.ADD] = command === 'add' ? 1 : 0;
    words[key + PeditWord.OFFSET] = offset;
    words[key + PeditWord.MASK] = mask | 0;
    words[key + PeditWord.VALUE] = value | 0;
    words[key + PeditWord.AT] = Math.min(from, 0x7fffffff);
    words[key + PeditWord.OFFMASK] = offMask & 0xff;
    words[key + PeditWord.SHIFT] = Math.min(shift, 31);
  }
}

function writePolice(words: Int32Array, at: number, spec: Police): void {
  const { rate, burst = 0, peakRate, mtu, mpu, overhead, linkLayer, packetRate, packetBurst = 0 } = spec;
  const byteTime = rate === undefined ? 0 : 1e9 / rate;
  const peakByteTime = peakRate === undefined ? 0 : 1e9 / peakRate;
  const doubles: readonly (readonly [number, number])[] = [
    [PoliceWord.BYTE_TIME, byteTime],
    [PoliceWord.BURST, burst * NANOSECONDS_PER_TICK],
    [PoliceWord.PEAK_BYTE_TIME, peakByteTime],
    [PoliceWord.PEAK_BURST, mtu * peakByteTime],
    [PoliceWord.PACKET_TIME, packetRate === undefined ? 0 : 1e9 / packetRate],
    [PoliceWord.PACKET_BURST, packetBurst * NANOSECONDS_PER_TICK],
  ];
  for (const [word, value] of doubles) words.set(new Int32Array(Float64Array.of(value).buffer), at + word);
  words[at + PoliceWord.MTU] = mtu | 0;
  words[at + PoliceWord.OVERHEAD] = overhead;
  words[at + PoliceWord.MPU] = mpu;
  words[at + PoliceWord.ATM] = linkLayer === 'atm' ? 1 : 0;
}
