/**
 * Filters as the kernel reports them over rtnetlink (RTM_NEWTFILTER), so that the system's own tc can print them: the
 * judge of vtep's printers in the tests. Little-endian machines only, as tests go.
 */
import type { ActionState, Control, FilterParent, FilterState, FlowerKey, Pedit, Police } from './commands.js';
import { fromBytes, toBytes } from './numbers.js';
import { csumTargets } from './parse-csum.js';

const RTM_NEWTFILTER = 44;
const RTM_GETACTION = 50;
const TCA_ROOT_TAB = 1;
const TCA_ROOT_COUNT = 3;
const NLM_F_CREATE_EXCL = 0x600;
const TCA_KIND = 1;
const TCA_OPTIONS = 2;
const TCA_CHAIN = 11;
const TCA_FLOWER_CLASSID = 1;
const TCA_FLOWER_INDEV = 2;
const TCA_FLOWER_ACT = 3;
const TCA_FLOWER_FLAGS = 22;
const SKIP_HW = 1;
const NOT_IN_HW = 8;
const TCA_ACT_KIND = 1;
const TCA_ACT_OPTIONS = 2;
const TCA_ACT_STATS = 4;
const TCA_ACT_COOKIE = 6;
const TCA_ACT_USED_HW_STATS = 9;
const TCA_ACT_IN_HW_COUNT = 10;
const TCA_ACT_TM = 1;
const TCA_ACT_PARMS = 2;
const TCA_STATS_BASIC = 1;
const TCA_STATS_QUEUE = 3;
const TCA_STATS_PKT64 = 8;
const NLA_F_NESTED = 0x8000;

/** USER_HZ: times are in ticks. */
const TICKS = 100;

const parents: Record<FilterParent, number> = { ingress: 0xfffffff2, egress: 0xfffffff3, 'ffff:': 0xffff0000 };

/** Attribute of the value, and of its mask; by ip_proto for ports, by family for addresses. */
const attributes: Record<string, readonly [value: number, mask: number | undefined]> = {
  dst_mac: [4, 5],
  src_mac: [6, 7],
  eth_type: [8, undefined],
  ip_proto: [9, undefined],
  src_ip4: [10, 11],
  dst_ip4: [12, 13],
  src_ip16: [14, 15],
  dst_ip16: [16, 17],
  src_port6: [18, 35],
  dst_port6: [19, 36],
  src_port17: [20, 37],
  dst_port17: [21, 38],
  src_port132: [41, 39],
  dst_port132: [42, 40],
  enc_key_id: [26, undefined],
  enc_src_ip4: [27, 28],
  enc_dst_ip4: [29, 30],
  enc_src_ip16: [31, 32],
  enc_dst_ip16: [33, 34],
  enc_src_port: [43, 44],
  enc_dst_port: [45, 46],
  enc_tos: [80, 81],
  enc_ttl: [82, 83],
  icmp_code4: [49, 50],
  icmp_type4: [51, 52],
  icmp_code6: [53, 54],
  icmp_type6: [55, 56],
  arp_sip: [57, 58],
  arp_tip: [59, 60],
  arp_op: [61, 62],
  arp_sha: [63, 64],
  arp_tha: [65, 66],
  tcp_flags: [71, 72],
  ip_tos: [73, 74],
  ip_ttl: [75, 76],
  ip_flags: [47, 48],
  vlan_prio: [24, undefined],
  vlan_ethtype: [25, undefined],
  cvlan_prio: [78, undefined],
  cvlan_ethtype: [79, undefined],
  num_of_vlans: [102, undefined],
};

/** Numbers in the machine's own order. */
const ownOrder: Record<string, number> = { vlan_id: 23, cvlan_id: 77 };

/** First and last port. */
const ranges: Record<string, readonly [first: number, last: number]> = {
  src_port_range: [87, 88],
  dst_port_range: [89, 90],
};

const TCA_FLOWER_KEY_ENC_OPTS = 84;
const TCA_FLOWER_KEY_ENC_OPTS_VXLAN = 2;
const TCA_FLOWER_KEY_ENC_OPT_VXLAN_GBP = 1;

const controls = { pass: 0, reclassify: 1, drop: 2, pipe: 3, stolen: 4, trap: 8, continue: -1 } as const;

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function u32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) {
    bytes.writeUInt32LE(value >>> 0, 4 * i);
  }
  return bytes;
}

function u64(...values: number[]): Buffer {
  return u32(...values.flatMap((value) => [value % 2 ** 32, Math.floor(value / 2 ** 32)]));
}

function attribute(type: number, ...payload: Uint8Array[]): Buffer {
  const body = Buffer.concat(payload);
  const padding = Buffer.alloc(-body.length & 3);
  return Buffer.concat([u16(4 + body.length), u16(type), body, padding]);
}

function text(value: string): Buffer {
  return Buffer.from(`${value}\0`);
}

function controlNumber(control: Control): number {
  if (control.type === 'goto') {
    return 0x20000000 | control.chain;
  }
  return control.type === 'jump' ? 0x10000000 | control.count : controls[control.type];
}

function encodePolicy(type: number, bytes: Uint8Array): Buffer {
  const policy = attribute(TCA_FLOWER_KEY_ENC_OPT_VXLAN_GBP, u32(fromBytes(bytes)));
  return attribute(type | NLA_F_NESTED, attribute(TCA_FLOWER_KEY_ENC_OPTS_VXLAN | NLA_F_NESTED, policy));
}

function encodeKey(key: FlowerKey, ipProto: number): Buffer {
  if (key.name === 'indev') {
    return attribute(TCA_FLOWER_INDEV, key.value, Buffer.alloc(1));
  }
  if (key.name === 'vxlan_opts') {
    return Buffer.concat([key.value, key.mask].map((bytes, i) => encodePolicy(TCA_FLOWER_KEY_ENC_OPTS + i, bytes)));
  }
  if (key.mask.every((byte) => byte === 0)) {
    return Buffer.alloc(0);
  }
  const own = ownOrder[key.name];
  if (own !== undefined) {
    return attribute(own, u16(fromBytes(key.value)));
  }
  const range = ranges[key.name];
  if (range !== undefined) {
    const [first, last] = range;
    return Buffer.concat([attribute(first, key.value.subarray(0, 2)), attribute(last, key.value.subarray(2))]);
  }
  const isInnerPort = key.name === 'dst_port' || key.name === 'src_port';
  const isIcmp = key.name.startsWith('icmp_');
  const icmpFamily = ipProto === 58 ? 6 : 4;
  const variant = key.name.endsWith('_ip') ? key.value.length : isInnerPort ? ipProto : isIcmp ? icmpFamily : '';
  const found = attributes[`${key.name}${variant}`];
  if (found === undefined) {
    throw new Error(`no attribute for ${key.name}${variant}`);
  }
  const [value, mask] = found;
  return Buffer.concat([attribute(value, key.value), ...(mask === undefined ? [] : [attribute(mask, key.mask)])]);
}

/** What stands in the options of an action. */
function encodeOptions(action: ActionState, ifindexOf: (dev: string) => number, times: Buffer): Buffer[] {
  const { spec, ref, bind } = action;
  const generic = u32(spec.index, 0, controlNumber(spec.control), ref, bind);
  const usual = (parameters: Buffer, ...own: Buffer[]): Buffer[] => [
    attribute(TCA_ACT_PARMS, generic, parameters),
    ...own,
    attribute(TCA_ACT_TM, times),
  ];
  const none = Buffer.alloc(0);
  switch (spec.kind) {
    case 'mirred': {
      const eaction = (spec.direction === 'egress' ? 1 : 3) + (spec.mode === 'redirect' ? 0 : 1);
      return usual(u32(eaction, ifindexOf(spec.dev)));
    }
    case 'gact': {
      const { random } = spec;
      if (random === undefined) {
        return usual(none);
      }
      const type = u16(random.type === 'netrand' ? 1 : 2);
      return usual(none, attribute(3, type, u16(random.value), u32(controlNumber(random.control))));
    }
    case 'tunnel_key': {
      if (spec.mode === 'unset') {
        return usual(u32(2));
      }
      const [source, destination] = spec.srcIp.length === 4 ? [3, 4] : [5, 6];
      return usual(
        u32(1),
        attribute(source, spec.srcIp),
        attribute(destination, spec.dstIp),
        ...(spec.id === undefined ? [] : [attribute(7, toBytes(spec.id, 4))]),
        ...(spec.dstPort ? [attribute(9, toBytes(spec.dstPort, 2))] : []),
        ...(spec.gbp === undefined ? [] : [attribute(11, attribute(2, attribute(1, u32(spec.gbp))))]),
        attribute(10, Uint8Array.of(spec.csum ? 0 : 1)),
        attribute(12, Uint8Array.of(spec.tos ?? 0)),
        attribute(13, Uint8Array.of(spec.ttl ?? 0)),
      );
    }
    case 'vlan': {
      const mode = u32(1 + ['pop', 'push', 'modify', 'pop_eth', 'push_eth'].indexOf(spec.mode));
      if (spec.mode === 'push_eth') {
        return usual(mode, attribute(7, spec.dstMac), attribute(8, spec.srcMac));
      }
      if (spec.mode !== 'push' && spec.mode !== 'modify') {
        return usual(mode);
      }
      const priority = spec.priority === undefined ? [] : [attribute(6, Uint8Array.of(spec.priority))];
      return usual(mode, attribute(3, u16(spec.id)), attribute(4, toBytes(spec.protocol, 2)), ...priority);
    }
    case 'pedit':
      return encodePedit(spec, generic, times);
    case 'csum': {
      const flags = spec.targets.reduce((sum, target) => sum + 2 ** csumTargets.indexOf(target), 0);
      return [attribute(1, generic, u32(flags)), attribute(2, times)];
    }
    case 'skbedit':
      return usual(
        none,
        ...(spec.priority === undefined ? [] : [attribute(3, u32(spec.priority))]),
        ...(spec.queueMapping === undefined ? [] : [attribute(4, u16(spec.queueMapping))]),
        ...(spec.mark === undefined ? [] : [attribute(5, u32(spec.mark))]),
        ...(spec.mask === undefined ? [] : [attribute(8, u32(spec.mask))]),
        ...(spec.inheritDsField ? [attribute(9, u64(32))] : []),
      );
    case 'police':
      return encodePolice(spec, spec.index, ref, bind, times);
    case 'sample':
      return usual(
        none,
        attribute(3, u32(spec.rate)),
        ...(spec.truncate === undefined ? [] : [attribute(4, u32(spec.truncate))]),
        attribute(5, u32(spec.group)),
      );
    case 'simple':
      return usual(none, attribute(3, text(spec.data)));
    case 'custom':
      throw new Error('tc knows nothing of it');
  }
}

function encodePedit({ keys }: Pedit, generic: Buffer, times: Buffer): Buffer[] {
  const headers = ['network', 'eth', 'ipv4', 'ipv6', 'tcp', 'udp'];
  const words = keys.map(({ mask, value, offset, at, offMask, shift }) =>
    Buffer.concat([toBytes(mask, 4), toBytes(value, 4), u32(offset, at, offMask, shift)]),
  );
  const count = Uint8Array.of(keys.length, 0, 0, 0);
  const extended = keys.map(({ header, command }) =>
    attribute(6, attribute(1, u16(headers.indexOf(header))), attribute(2, u16(command === 'add' ? 1 : 0))),
  );
  return [attribute(5, ...extended), attribute(4, generic, count, ...words), attribute(1, times)];
}

function encodePolice(spec: Police, index: number, ref: number, bind: number, times: Buffer): Buffer[] {
  const { rate = 0, burst = 0, peakRate = 0, mtu, mpu, overhead, linkLayer, packetRate, packetBurst = 0 } = spec;
  const rateSpec = (bytes: number): Buffer => {
    const layer = Uint8Array.of(0, linkLayer === 'atm' ? 2 : 1);
    return Buffer.concat([layer, u16(overhead), u16(0), u16(mpu & 0xffff), u32(Math.min(bytes, 0xffffffff))]);
  };
  const long = (type: number, bytes: number): Buffer[] => (bytes > 0xffffffff ? [attribute(type, u64(bytes))] : []);
  const conform = controlNumber(spec.conform);
  return [
    ...long(8, rate),
    ...long(9, peakRate),
    ...(packetRate === undefined ? [] : [attribute(10, u64(packetRate)), attribute(11, u64(packetBurst))]),
    attribute(
      1,
      u32(index, controlNumber(spec.control), 0, burst, mtu),
      rateSpec(rate),
      rateSpec(peakRate),
      u32(ref, bind, 0),
    ),
    ...(conform === 0 ? [] : [attribute(5, u32(conform))]),
    attribute(6, times),
  ];
}

function encodeAction(
  action: ActionState,
  order: number,
  ifindexOf: (dev: string) => number,
  more: readonly Buffer[] = [],
): Buffer {
  const { spec, statistics } = action;
  // Half a second into each second; the kernel's 0 stands for never.
  const ticks = (seconds: number | undefined): number => (seconds === undefined ? 0 : seconds * TICKS + TICKS / 2);
  const times = u64(ticks(statistics.installed), ticks(statistics.lastUsed), 0, ticks(statistics.firstUsed));
  const { bytes, packets, drops, requeues, overlimits } = statistics;
  const basic = attribute(TCA_STATS_BASIC, u64(bytes), u32(packets % 2 ** 32, 0));
  const queue = attribute(TCA_STATS_QUEUE, u32(0, 0, drops, requeues, overlimits));
  return attribute(
    order,
    attribute(TCA_ACT_KIND, text(spec.kind)),
    attribute(TCA_ACT_STATS, basic, attribute(TCA_STATS_PKT64, u64(packets)), queue),
    ...(spec.cookie === undefined ? [] : [attribute(TCA_ACT_COOKIE, spec.cookie)]),
    attribute(TCA_ACT_OPTIONS | NLA_F_NESTED, ...encodeOptions(action, ifindexOf, times)),
    ...more,
  );
}

/** The answer to a request for actions of one kind: a table that counts from 0, and how many are in it. */
export function encodeActions(actions: readonly ActionState[], ifindexOf: (dev: string) => number): Buffer {
  // No hardware counts (a bit field of no values), and none has the action.
  const hardware = [attribute(TCA_ACT_USED_HW_STATS, u32(0, 7)), attribute(TCA_ACT_IN_HW_COUNT, u32(0))];
  const body = Buffer.concat([
    u32(0),
    attribute(TCA_ROOT_TAB, ...actions.map((action, i) => encodeAction(action, i, ifindexOf, hardware))),
    attribute(TCA_ROOT_COUNT, u32(actions.length)),
  ]);
  return Buffer.concat([u32(16 + body.length), u16(RTM_GETACTION), u16(0), u32(0, 0), body]);
}

/**
 * The message that tells of a filter's addition. `headOnly`: the record of its priority, which has no handle and no
 * options.
 */
export function encodeFilter(filter: FilterState, ifindexOf: (dev: string) => number, headOnly = false): Buffer {
  const ipProto = filter.keys.find(({ name }) => name === 'ip_proto');
  const flags = NOT_IN_HW | (filter.skipHw ? SKIP_HW : 0);
  const options = [
    ...(filter.classid === undefined ? [] : [attribute(TCA_FLOWER_CLASSID, u32(filter.classid))]),
    ...filter.keys.map((key) => encodeKey(key, ipProto === undefined ? 0 : fromBytes(ipProto.value))),
    attribute(TCA_FLOWER_FLAGS, u32(flags)),
    ...(filter.actions.length === 0
      ? []
      : [attribute(TCA_FLOWER_ACT, ...filter.actions.map((action, i) => encodeAction(action, i + 1, ifindexOf)))]),
  ];
  const networkOrder = ((filter.protocol & 0xff) << 8) | (filter.protocol >> 8);
  const tcmsg = u32(
    0,
    ifindexOf(filter.dev),
    headOnly ? 0 : filter.handle,
    parents[filter.parent],
    filter.pref * 0x10000 + networkOrder,
  );
  const body = Buffer.concat([
    tcmsg,
    attribute(TCA_KIND, text('flower')),
    attribute(TCA_CHAIN, u32(filter.chain)),
    ...(headOnly ? [] : [attribute(TCA_OPTIONS | NLA_F_NESTED, ...options)]),
  ]);
  const header = Buffer.concat([u32(16 + body.length), u16(RTM_NEWTFILTER), u16(NLM_F_CREATE_EXCL), u32(0, 0)]);
  return Buffer.concat([header, body]);
}
