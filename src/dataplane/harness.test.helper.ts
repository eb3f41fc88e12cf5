/**
 * An engine over fakes: two vxlan devices, two TAP ports, and rules written by hand. Everything is naive and allocates.
 */
import { AT_EGRESS, AT_INGRESS } from '../actions/outlet.js';
import {
  ACTION_WORDS,
  ActionKind,
  type ActionPrograms,
  ActionWord,
  MIRRED_INGRESS,
  MIRRED_REDIRECT,
  plainPages,
  Verdict,
  VLAN_POP,
  VLAN_POP_ETH,
  VLAN_PUSH,
  VLAN_PUSH_ETH,
} from '../actions/program.js';
import type { Rule } from '../classifier/classifier.js';
import { KEY_WORDS, PROTOCOL_ALL } from '../classifier/flow-key.js';
import { LinearTable } from '../classifier/linear/linear-table.js';
import { createLookup } from '../classifier/open-lookup.js';
import { DeviceKind, DeviceTable } from '../devices/device-table.js';
import type { FramePort, Underlay } from '../io/device.js';
import { FakePort, type HostFrame } from '../io/fake/fake-port.js';
import { FakeUnderlay, type NetworkDatagram } from '../io/fake/fake-underlay.js';
import { Arena } from '../memory/arena.js';
import { ActionCounter, ActionCounters, Counters, DeviceCounter } from '../memory/counters.js';
import { DropRing } from '../memory/drop-ring.js';
import { REASON, REASONS, type ReasonName } from '../memory/reasons.js';
import { TUNNEL_KEY, TUNNEL_WORDS, TunnelWord } from '../memory/tunnel.js';
import { OFFLOAD_CSUM, OFFLOAD_TSO4, OFFLOAD_TSO6 } from '../offload/offloads.js';
import { concat } from '../offload/test-frames.js';
import { ENGINE_ARENA_BYTES, Engine } from './engine.js';

export const VXLAN0 = 1;
export const TAP0 = 2;
export const TAP1 = 3;
export const VXLAN1 = 4;
/** An index that no device has. */
export const NOWHERE = 9;
export const DEVICES = [VXLAN0, TAP0, TAP1, VXLAN1];
export const OFFLOADS = OFFLOAD_CSUM | OFFLOAD_TSO4 | OFFLOAD_TSO6;
/** Counter rows set aside for the actions of a rule. */
const ROWS = 32;
/** Bits of reserved_bits as the kernel has them: all but the I flag and the VNI. */
export const RESERVED_HIGH = 0xf7ffffff;
export const RESERVED_LOW = 0xff;

/** An action: kind, control, and what its kind needs. */
export interface Action {
  readonly kind: number;
  readonly control: number;
  readonly argument?: number;
  readonly a?: number;
  readonly b?: number;
  readonly c?: number;
  readonly d?: number;
  /** Words behind these. */
  readonly more?: readonly number[];
}

export const gact = (control: number, argument = 0): Action => ({ kind: ActionKind.GACT, control, argument });
export const unset = (control: number = Verdict.PIPE): Action => ({ kind: ActionKind.TUNNEL_KEY_UNSET, control });
/** `record`: index into the records given with the rules. */
export const set = (record: number, control: number = Verdict.PIPE): Action => ({
  kind: ActionKind.TUNNEL_KEY_SET,
  control,
  a: record,
});
export const redirect = (device: number): Action => ({
  kind: ActionKind.MIRRED,
  control: Verdict.STOLEN,
  a: device,
  b: MIRRED_REDIRECT,
});
export const mirror = (device: number, control: number = Verdict.PIPE): Action => ({
  kind: ActionKind.MIRRED,
  control,
  a: device,
});

export const vlanPush = (id: number, tpid = 0x8100): Action => ({
  kind: ActionKind.VLAN,
  control: Verdict.PIPE,
  a: VLAN_PUSH,
  b: tpid,
  c: id,
});
export const vlanPop = (): Action => ({ kind: ActionKind.VLAN, control: Verdict.PIPE, a: VLAN_POP });
export const popEth = (): Action => ({ kind: ActionKind.VLAN, control: Verdict.PIPE, a: VLAN_POP_ETH });
/** Both addresses are zero. */
export const pushEth = (): Action => ({ kind: ActionKind.VLAN, control: Verdict.PIPE, a: VLAN_PUSH_ETH });
/** One word of a header: `(word & mask) ^ value`. */
export const pedit = (header: number, offset: number, mask: number, value: number): Action => ({
  kind: ActionKind.PEDIT,
  control: Verdict.PIPE,
  a: 1,
  more: [header, 0, offset, mask, value, 0, 0, 0],
});
export const csum = (flags: number, control: number = Verdict.PIPE): Action => ({
  kind: ActionKind.CSUM,
  control,
  a: flags,
});
/** A policer of frames by their length alone. */
export const policeMtu = (mtu: number): Action => ({
  kind: ActionKind.POLICE,
  control: Verdict.SHOT,
  a: Verdict.PIPE,
  c: 0,
  d: 1,
  more: [...new Array<number>(12).fill(0), mtu, 0, 0, 0],
});
/** To the ingress of a device. */
export const redirectIn = (device: number): Action => ({
  kind: ActionKind.MIRRED,
  control: Verdict.STOLEN,
  a: device,
  b: MIRRED_REDIRECT | MIRRED_INGRESS,
});

export interface HookRule {
  readonly device: number;
  /** AT_INGRESS where nothing is said. */
  readonly hook?: number;
  readonly actions: readonly Action[];
  /** Words of the flow key; a rule without any takes everything. */
  readonly match?: Readonly<Record<number, number>>;
  /** The bits of them that count: all where nothing is said. */
  readonly masks?: Readonly<Record<number, number>>;
  readonly chain?: number;
  readonly pref?: number;
  readonly protocol?: number;
}

/** Words of a tunnel record for transmit. */
export type TunnelRecord = Readonly<Partial<Record<keyof typeof TunnelWord, number>>>;

export const TO_PEER: TunnelRecord = { FLAGS: TUNNEL_KEY, VNI: 4, DST_IP: 0xc0a8010e | 0, FAMILY: 4, DST_PORT: 4789 };

/** The programs of rules numbered as they stand; action `n` of rule `r` counts in row `r * ROWS + n`. */
export function programsOf(rules: readonly HookRule[], records: readonly TunnelRecord[] = []): ActionPrograms {
  const start = new Int32Array(rules.length);
  const actionAt = new Int32Array(rules.length * ROWS);
  const words: number[] = [];
  rules.forEach(({ actions }, r) => {
    start[r] = words.length;
    words.push(actions.length, ...actions.map((_, n) => r * ROWS + n));
    actions.forEach(({ kind, control, argument = 0, a = 0, b = 0, c = 0, d = 0, more = [] }, n) => {
      const action = new Array<number>(ACTION_WORDS).fill(0);
      action[ActionWord.KIND] = kind;
      action[ActionWord.CONTROL] = control;
      action[ActionWord.ARGUMENT] = argument;
      action[ActionWord.A] = a;
      action[ActionWord.B] = b;
      action[ActionWord.C] = c;
      action[ActionWord.D] = d;
      action.push(...more);
      actionAt[r * ROWS + n] = words.length;
      words.push(...action);
    });
  });
  const buckets = rules.some(({ actions }) => actions.some(({ kind }) => kind === ActionKind.POLICE)) ? 8 : 0;
  const tunnels = new Int32Array(records.length * TUNNEL_WORDS);
  records.forEach((record, n) => {
    for (const [name, value] of Object.entries(record))
      tunnels[n * TUNNEL_WORDS + TunnelWord[name as keyof typeof TunnelWord]] = value;
  });
  return { start, actionPages: plainPages(actionAt.length), actionAt, words: Int32Array.from(words), tunnels, buckets };
}

export function ruleOf(rule: HookRule, id: number): Rule {
  const { match = {}, masks = {}, chain = 0, pref = 1, protocol = PROTOCOL_ALL } = rule;
  const key = new Int32Array(KEY_WORDS);
  const mask = new Int32Array(KEY_WORDS);
  for (const [word, value] of Object.entries(match)) {
    mask[Number(word)] = masks[Number(word)] ?? -1;
    key[Number(word)] = value & mask[Number(word)];
  }
  return { id, chain, pref, protocol, key, mask };
}

/** A VXLAN datagram: the header's fields and the frame. */
export function vxlan(vni: number, frame: Uint8Array, flags = 0x08, reserved = 0): Uint8Array {
  return concat(Uint8Array.of(flags, 0, 0, 0, vni >>> 16, (vni >>> 8) & 0xff, vni & 0xff, reserved), frame);
}

export class Harness {
  readonly devices = new DeviceTable();
  readonly counters = new Counters();
  readonly actionCounters = new ActionCounters();
  readonly arena = new Arena(ENGINE_ARENA_BYTES);
  readonly drops = new DropRing();
  readonly engine: Engine;
  readonly tap0 = new FakePort(this.arena);
  readonly tap1 = new FakePort(this.arena);
  /** The host's side of vxlan0. */
  readonly face = new FakePort(this.arena);
  readonly underlay0 = new FakeUnderlay(this.arena);
  readonly underlay1 = new FakeUnderlay(this.arena);

  /** `wrap*` puts a faulty device before a fake one. */
  constructor(
    options: {
      readonly offloads?: number;
      readonly wrapPort?: (port: FramePort, device: number) => FramePort;
      readonly wrapUnderlay?: (underlay: Underlay, device: number) => Underlay;
      /** The forwarding table's memory. */
      readonly fdb?: SharedArrayBuffer;
    } = {},
  ) {
    const { offloads = OFFLOADS, wrapPort = (port) => port, wrapUnderlay = (underlay) => underlay } = options;
    const { devices } = this;
    this.actionCounters.grow();
    for (const device of DEVICES) {
      const kind = device === TAP0 || device === TAP1 ? DeviceKind.TAP : DeviceKind.VXLAN;
      devices.add(device, kind, 100 + device);
      devices.setMtu(device, 1450);
      devices.setMac(device, Uint8Array.of(2, 0, 0, 0, 0, device));
      devices.setReservedBits(device, RESERVED_HIGH, RESERVED_LOW);
      devices.setUp(device, true);
    }
    const { arena, counters, actionCounters, drops } = this;
    const none = undefined;
    this.engine = new Engine(arena, devices, counters, actionCounters, none, options.fdb, none, none, none, drops);
    this.engine.setPort(TAP0, wrapPort(this.tap0, TAP0), offloads);
    this.engine.setPort(TAP1, wrapPort(this.tap1, TAP1), offloads);
    this.engine.setPort(VXLAN0, wrapPort(this.face, VXLAN0), offloads);
    this.engine.underlays.set(VXLAN0, wrapUnderlay(this.underlay0, VXLAN0));
    this.engine.underlays.set(VXLAN1, wrapUnderlay(this.underlay1, VXLAN1));
  }

  /** Puts rules in force at the hooks that they name, and takes those of all others away. */
  use(rules: readonly HookRule[], records: readonly TunnelRecord[] = [TO_PEER]): void {
    this.engine.usePrograms(programsOf(rules, records));
    for (const device of DEVICES) {
      for (const hook of [AT_INGRESS, AT_EGRESS]) {
        const table = new LinearTable();
        rules.forEach((rule, id) => {
          if (rule.device === device && (rule.hook ?? AT_INGRESS) === hook) table.insert(ruleOf(rule, id));
        });
        this.engine.useRules(device, hook, table.size === 0 ? null : createLookup(table.publish()));
      }
    }
  }

  /** Datagrams arrive on vxlan0 and are all dealt with. */
  receive(...datagrams: (Uint8Array | NetworkDatagram)[]): void {
    for (const datagram of datagrams)
      this.underlay0.incoming[0]?.push(datagram instanceof Uint8Array ? { bytes: datagram } : datagram);
    while (this.engine.serviceUnderlay(VXLAN0, 0) > 0);
  }

  /** The host sends frames on a device, and they are all dealt with. */
  send(device: number, ...frames: (Uint8Array | HostFrame)[]): void {
    const port = device === TAP0 ? this.tap0 : device === TAP1 ? this.tap1 : this.face;
    for (const frame of frames) port.incoming.push(frame instanceof Uint8Array ? { bytes: frame } : frame);
    do this.engine.servicePort(device);
    while (port.incoming.length > 0);
  }

  device(device: number, name: keyof typeof DeviceCounter): number {
    return this.counters.deviceValue(device, DeviceCounter[name]);
  }

  reason(device: number, name: ReasonName): number {
    return this.counters.reasonValue(device, REASON[name]);
  }

  /** Every reason of a device that has counted, by name. */
  reasons(device: number): Partial<Record<string, number>> {
    const counts = REASONS.map(({ name }, n) => [name, this.counters.reasonValue(device, n)] as const);
    return Object.fromEntries(counts.filter(([, count]) => count !== 0));
  }

  /** Every counter of action `n` of rule `r`, the times that it was used first and last among them. */
  counts(r: number, n: number): number[] {
    return Object.values(ActionCounter).map((counter) => this.actionCounters.value(r * ROWS + n, counter));
  }

  /** Packets, bytes, drops and overlimits of action `n` of rule `r`. */
  action(r: number, n: number): number[] {
    return [0, 1, 2, 3].map((counter) => this.actionCounters.value(r * ROWS + n, counter));
  }
}
