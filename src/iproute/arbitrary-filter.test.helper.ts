/** Generators of filters as installed, for the tests. */
import fc from 'fast-check';
import { formatIp, formatMac } from './address.js';
import { compact, optional } from './arbitrary-vxlan.test.helper.js';
import type {
  ActionDetail,
  ActionState,
  ActionStatistics,
  Control,
  FilterParent,
  FilterState,
  FlowerKey,
  FlowerKeyName,
} from './commands.js';
import { ETH_P_8021AD, ETH_P_8021Q, ETH_P_ALL, ETH_P_ARP, ETH_P_IP, ETH_P_IPV6, ETH_P_RARP } from './ether-type.js';
import { inPrintOrder } from './flower-keys.js';
import { toBytes } from './numbers.js';
import { csumTargets } from './parse-csum.js';
import { parsePedit } from './parse-pedit.js';
import { ticksOf } from './rates.js';
import { WordReader } from './word-reader.js';

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const vni = fc.integer({ min: 0, max: 0xffffff });

function bytes(length: number): fc.Arbitrary<Uint8Array> {
  // Zeros in plenty, for the `::` of IPv6 and for masks with holes.
  return fc
    .array(fc.oneof(u8, fc.constantFrom(0, 0xff)), { minLength: length, maxLength: length })
    .map((list) => Uint8Array.from(list));
}

function leadingOnes(length: number): fc.Arbitrary<Uint8Array> {
  return fc
    .integer({ min: 0, max: 8 * length })
    .map((bits) => Uint8Array.from({ length }, (_, i) => (0xff00 >> Math.max(0, Math.min(8, bits - 8 * i))) & 0xff));
}

function key(name: FlowerKeyName, length: number, mask: fc.Arbitrary<Uint8Array>): fc.Arbitrary<FlowerKey> {
  return fc.record({ name: fc.constant(name), value: bytes(length), mask });
}

function ones(length: number): fc.Arbitrary<Uint8Array> {
  return fc.constant(new Uint8Array(length).fill(0xff));
}

function maskOf(length: number): fc.Arbitrary<Uint8Array> {
  return fc.oneof(ones(length), leadingOnes(length), bytes(length));
}

const etherTypes = [
  ETH_P_ALL,
  ETH_P_IP,
  ETH_P_IPV6,
  ETH_P_ARP,
  ETH_P_RARP,
  ETH_P_8021Q,
  ETH_P_8021AD,
  0x88cc,
  0x22f0,
  0x0a00,
];

type Keys = fc.Arbitrary<FlowerKey[]>;

function number(name: FlowerKeyName, width: number, value: fc.Arbitrary<number>): fc.Arbitrary<FlowerKey> {
  return value.map((one) => ({ name, value: toBytes(one, width), mask: new Uint8Array(width).fill(0xff) }));
}

/** Any of these keys, or none. */
function some(...keys: fc.Arbitrary<FlowerKey>[]): Keys {
  return fc
    .tuple(...keys.map((one) => fc.option(one, { nil: undefined })))
    .map((maybe) => maybe.filter((one) => one !== undefined));
}

function all(...parts: Keys[]): Keys {
  return fc.tuple(...parts).map((keys) => keys.flat());
}

function portRange(name: FlowerKeyName): fc.Arbitrary<FlowerKey> {
  return fc.tuple(fc.integer({ min: 1, max: 0xfffe }), fc.integer({ min: 1, max: 0xffff })).map(([first, more]) => ({
    name,
    value: toBytes(first * 0x10000 + Math.min(0xffff, first + more), 4),
    mask: new Uint8Array(4).fill(0xff),
  }));
}

/** What is behind an IPv4 or IPv6 header, under the ip_proto that each key needs. */
function transportKeys(isIpv6: boolean): Keys {
  const proto = (numbers: fc.Arbitrary<number>): Keys => number('ip_proto', 1, numbers).map((one) => [one]);
  const ports = some(
    key('dst_port', 2, maskOf(2)),
    key('src_port', 2, maskOf(2)),
    portRange('dst_port_range'),
    portRange('src_port_range'),
  );
  const flags = fc
    .tuple(fc.integer({ min: 0, max: 0xfff }), fc.integer({ min: 1, max: 0xfff }))
    .map(([value, mask]): FlowerKey => ({ name: 'tcp_flags', value: toBytes(value, 2), mask: toBytes(mask, 2) }));
  return fc.oneof(
    fc.constant<FlowerKey[]>([]),
    proto(u8),
    all(proto(fc.constantFrom(17, 132)), ports),
    all(proto(fc.constant(6)), ports, some(flags)),
    all(proto(fc.constant(isIpv6 ? 58 : 1)), some(key('icmp_type', 1, maskOf(1)), key('icmp_code', 1, maskOf(1)))),
  );
}

/** eth_type, and the keys of what is behind it. */
function networkKeys(etherType: number): Keys {
  const eth = fc.constant<FlowerKey[]>([
    { name: 'eth_type', value: toBytes(etherType, 2), mask: Uint8Array.of(0xff, 0xff) },
  ]);
  if (etherType === ETH_P_ARP || etherType === ETH_P_RARP) {
    const operation = fc
      .tuple(fc.integer({ min: 0, max: 2 }), fc.constantFrom(1, 3, 0x7f, 0xff, 0xff))
      .map(([value, mask]): FlowerKey => ({ name: 'arp_op', value: Uint8Array.of(value), mask: Uint8Array.of(mask) }));
    const prefix = leadingOnes(4);
    const macs = [key('arp_sha', 6, maskOf(6)), key('arp_tha', 6, maskOf(6))];
    return all(eth, some(key('arp_sip', 4, prefix), key('arp_tip', 4, prefix), operation, ...macs));
  }
  if (etherType !== ETH_P_IP && etherType !== ETH_P_IPV6) {
    return eth;
  }
  const length = etherType === ETH_P_IP ? 4 : 16;
  const addresses = [key('dst_ip', length, leadingOnes(length)), key('src_ip', length, leadingOnes(length))];
  const fields = [key('ip_tos', 1, maskOf(1)), key('ip_ttl', 1, maskOf(1))];
  return all(eth, some(...addresses, ...fields), transportKeys(etherType === ETH_P_IPV6));
}

const vlanTypes = [ETH_P_8021Q, ETH_P_8021AD];
const behindTags = [ETH_P_IP, ETH_P_IPV6, ETH_P_ARP, 0x22f0];

/** Keys of one tag or two, and of what is behind them. */
function vlanKeys(): Keys {
  const vid = fc.integer({ min: 0, max: 0xfff });
  const priority = fc.integer({ min: 0, max: 7 });
  const tag = some(number('vlan_id', 2, vid), number('vlan_prio', 1, priority));
  const type = (name: FlowerKeyName, from: readonly number[]): Keys =>
    number(name, 2, fc.constantFrom(...from)).map((one) => [one]);
  const inner = fc
    .constantFrom(...behindTags)
    .chain((etherType) => all(type('vlan_ethtype', [etherType]), networkKeys(etherType)));
  const innermost = fc
    .constantFrom(...behindTags)
    .chain((etherType) => all(type('cvlan_ethtype', [etherType]), networkKeys(etherType)));
  const customer = some(number('cvlan_id', 2, vid), number('cvlan_prio', 1, priority));
  const second = all(type('vlan_ethtype', vlanTypes), customer, fc.oneof(fc.constant<FlowerKey[]>([]), innermost));
  return fc.oneof(
    all(some(number('num_of_vlans', 1, fc.constant(1))), tag, fc.oneof(fc.constant<FlowerKey[]>([]), inner)),
    all(some(number('num_of_vlans', 1, fc.constant(2))), tag, second),
  );
}

/** Keys that go together: addresses of the protocol's family, ports only after an ip_proto that has them. */
function keysFor(protocol: number): Keys {
  const flags = fc
    .integer({ min: 1, max: 3 })
    .chain((mask) =>
      u8.map((value): FlowerKey => ({ name: 'ip_flags', value: toBytes(value & mask, 4), mask: toBytes(mask, 4) })),
    );
  // The bits of a group policy that the kernel keeps.
  const policy = fc.tuple(u32, u32).map(
    ([value, mask]): FlowerKey => ({
      name: 'vxlan_opts',
      value: toBytes(value & 0x48ffff, 4),
      mask: toBytes(mask & 0x48ffff, 4),
    }),
  );
  const always = some(
    fc.constantFrom('eth0', 'lo', 'a.b-c_d').map((name) => ({
      name: 'indev' as const,
      value: Uint8Array.from(Buffer.from(name)),
      mask: new Uint8Array(0),
    })),
    key('dst_mac', 6, maskOf(6)),
    key('src_mac', 6, maskOf(6)),
    key('enc_key_id', 4, ones(4)),
    key('enc_dst_port', 2, ones(2)),
    key('enc_tos', 1, maskOf(1)),
    key('enc_ttl', 1, maskOf(1)),
    policy,
    flags,
    fc.constantFrom(4, 16).chain((length) => key('enc_dst_ip', length, leadingOnes(length))),
    fc.constantFrom(4, 16).chain((length) => key('enc_src_ip', length, leadingOnes(length))),
  );
  const ofProtocol = vlanTypes.includes(protocol)
    ? vlanKeys()
    : protocol === ETH_P_ALL
      ? fc.constant<FlowerKey[]>([])
      : networkKeys(protocol);
  return all(ofProtocol, always).map((keys) => inPrintOrder(keys));
}

export const control: fc.Arbitrary<Control> = fc.oneof(
  fc.constantFrom<Control>(
    { type: 'pass' },
    { type: 'drop' },
    { type: 'pipe' },
    { type: 'continue' },
    { type: 'reclassify' },
    { type: 'trap' },
  ),
  fc.integer({ min: 0, max: 0xfffffff }).map((chain): Control => ({ type: 'goto', chain })),
  fc.integer({ min: 0, max: 0xfffffff }).map((count): Control => ({ type: 'jump', count })),
);

/** What may follow where no chain may. */
const notGoto = control.filter(({ type }) => type !== 'goto');

const encapsulation = fc.constantFrom(4, 16).chain((length) =>
  fc.record({
    srcIp: bytes(length),
    dstIp: bytes(length),
    id: optional(vni),
    dstPort: optional(u16),
    gbp: optional(u32.map((value) => value & 0x48ffff)),
    tos: optional(u8),
    ttl: optional(u8),
    csum: fc.boolean(),
    control,
  }),
);

const vlanTag = fc.record({
  kind: fc.constant('vlan' as const),
  mode: fc.constantFrom('push' as const, 'modify' as const),
  id: fc.integer({ min: 0, max: 4094 }),
  protocol: fc.constantFrom(0x8100, 0x88a8),
  priority: fc.integer({ min: 0, max: 7 }),
  control,
});

/** A field of pedit, what is done to it, and the words for it. */
const munge = fc.oneof(
  fc.tuple(
    fc.constantFrom(
      'ip tos',
      'ip ttl',
      'ip6 hoplimit',
      'ip6 traffic_class',
      'tcp flags',
      'ip ihl',
      'offset 3 u8',
      'ip df',
    ),
    fc.oneof(
      u8.map((value) => `set ${value}`),
      u8.map((value) => `add ${value} retain 0x3f`),
      fc.constantFrom('invert', 'clear', 'preserve', 'invert retain 0x0c'),
    ),
  ),
  fc.tuple(
    fc.constantFrom(
      'tcp sport',
      'tcp dport',
      'udp sport',
      'udp dport',
      'eth type',
      'offset -14 u16',
      'offset 0 u16 at 4 f 2',
    ),
    fc.oneof(
      u16.map((value) => `set ${value}`),
      u16.map((value) => `add 0x${value.toString(16)}`),
      fc.constantFrom('invert', 'clear', 'set 5 retain 0xff0'),
    ),
  ),
  fc.tuple(
    fc.constantFrom('offset 8 u32', 'ip6 flow_lbl'),
    u32.map((value) => `set ${value}`),
  ),
  bytes(4).map((address) => ['ip src', `set ${formatIp(address)}`] as [string, string]),
  bytes(16).map((address) => ['ip6 dst', `set ${formatIp(address)}`] as [string, string]),
  fc
    .tuple(fc.constantFrom('eth src', 'eth dst'), bytes(6))
    .map(([field, address]) => [field, `set ${formatMac(address)}`] as [string, string]),
  fc.constant<[string, string]>(['ip ttl', 'decrement']),
);

/** Made by the parser: its keys are what the words say. */
const pedit: fc.Arbitrary<ActionDetail> = fc
  .tuple(fc.array(munge, { minLength: 1, maxLength: 4 }), control)
  .map(([munges, one]) => {
    const words = ['ex', ...munges.flatMap((pair) => ['munge', ...pair.join(' ').split(' ')])];
    const spec = parsePedit(new WordReader(['pedit', ...words]));
    if (spec.kind !== 'pedit') {
      throw new Error(words.join(' '));
    }
    return { ...spec, control: one };
  });

/** Sizes and rates as tc makes them of what is typed. */
const police: fc.Arbitrary<ActionDetail> = fc
  .tuple(
    fc.oneof(
      fc
        .tuple(fc.integer({ min: 1000, max: 2 ** 36 }), fc.integer({ min: 1, max: 10_000_000 }), optional(u16))
        .filter(([rate, burst]) => (1e6 * burst) / rate < 2 ** 28)
        .map(([rate, burst, peakRate]) =>
          compact({ rate, burst: ticksOf(rate, burst), peakRate: peakRate || undefined }),
        ),
      fc
        .tuple(fc.integer({ min: 1, max: 1e7 }), fc.integer({ min: 1, max: 100 }))
        .map(([packetRate, count]) => ({ packetRate, packetBurst: ticksOf(packetRate, count) })),
      fc.constant({}),
    ),
    fc.constantFrom(1, 1500, 2040, 2048, 9000, 65_535, 10_485_760, 0xffffffff),
    fc.nat({ max: 2000 }),
    fc.constantFrom('ethernet' as const, 'atm' as const),
    notGoto,
    control,
  )
  .map(([rates, mtu, overhead, linkLayer, conform, one]): ActionDetail => {
    const table =
      'rate' in rates
        ? { mpu: overhead >> 4, overhead, linkLayer }
        : { mpu: 0, overhead: 0, linkLayer: 'ethernet' as const };
    return { kind: 'police', ...rates, mtu, ...table, conform, control: one };
  });

const mac = bytes(6);
const rewriting: readonly fc.Arbitrary<ActionDetail>[] = [
  fc
    .tuple(fc.constantFrom('pop' as const, 'pop_eth' as const), control)
    .map(([mode, one]): ActionDetail => ({ kind: 'vlan', mode, control: one })),
  vlanTag,
  vlanTag.map(({ priority: _left, ...rest }): ActionDetail => ({ ...rest, mode: 'modify' })),
  fc
    .tuple(mac, mac, control)
    .map(([dstMac, srcMac, one]): ActionDetail => ({ kind: 'vlan', mode: 'push_eth', dstMac, srcMac, control: one })),
  pedit,
  fc
    .tuple(fc.subarray([...csumTargets], { minLength: 1 }), control)
    .map(([targets, one]): ActionDetail => ({ kind: 'csum', targets, control: one })),
  fc
    .record({
      queueMapping: optional(u16),
      priority: optional(u32),
      mark: optional(u32),
      inheritDsField: optional(fc.constant(true as const)),
    })
    .filter((given) => Object.values(given).some((value) => value !== undefined))
    .chain((given) =>
      fc
        .tuple(given.mark === undefined ? fc.constant(undefined) : optional(u32), control)
        .map(([mask, one]) => compact({ kind: 'skbedit', ...given, mask, control: one }) as ActionDetail),
    ),
  police,
  fc
    .record({ rate: fc.integer({ min: 1, max: 0xffffffff }), group: u32, truncate: optional(u32), control })
    .map((given) => compact({ kind: 'sample', ...given }) as ActionDetail),
  // tc does not tell the control of a simple action.
  fc
    .tuple(fc.string({ minLength: 1, maxLength: 31, unit: fc.constantFrom(...'abcXYZ019_-.') }), control)
    .map(([data, one]): ActionDetail => ({ kind: 'simple', data, control: one })),
];

/** Without nofrag, which tc 6.1 does not know; every target is lo, which has an index everywhere. */
const kinds: fc.Arbitrary<ActionDetail> = fc.oneof(
  control.map((one): ActionDetail => ({ kind: 'tunnel_key', mode: 'unset', control: one })),
  encapsulation.map((one) => compact({ kind: 'tunnel_key', mode: 'set', noFrag: false, ...one }) as ActionDetail),
  fc.constantFrom('egress' as const, 'ingress' as const).map(
    (direction): ActionDetail => ({
      kind: 'mirred',
      direction,
      mode: 'redirect',
      dev: 'lo',
      control: { type: 'stolen' },
    }),
  ),
  fc
    .tuple(fc.constantFrom('egress' as const, 'ingress' as const), control)
    .map(([direction, one]): ActionDetail => ({ kind: 'mirred', direction, mode: 'mirror', dev: 'lo', control: one })),
  fc
    .tuple(
      control,
      optional(
        fc.record({
          type: fc.constantFrom('netrand' as const, 'determ' as const),
          control: notGoto,
          value: fc.integer({ min: 1, max: 10000 }),
        }),
      ),
    )
    .map(([one, random]) => compact({ kind: 'gact', control: one, random }) as ActionDetail),
  ...rewriting,
);

const statistics: fc.Arbitrary<ActionStatistics> = fc
  .record({
    packets: fc.oneof(u32, fc.integer({ min: 0, max: 2 ** 45 })),
    bytes: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
    drops: u32,
    overlimits: u32,
    requeues: u32,
    installed: fc.integer({ min: 0, max: 40_000_000 }),
    lastUsed: fc.integer({ min: 0, max: 40_000_000 }),
    firstUsed: optional(fc.integer({ min: 0, max: 40_000_000 })),
  })
  .map(compact);

const action: fc.Arbitrary<ActionState> = fc
  .tuple(
    kinds,
    fc.integer({ min: 1, max: 0xffffffff }),
    optional(fc.uint8Array({ minLength: 1, maxLength: 16 }).map((cookie) => Uint8Array.from(cookie))),
    fc.integer({ min: 1, max: 5 }),
    statistics,
  )
  .map(([spec, index, cookie, ref, counts]) => ({
    spec: compact({ ...spec, index, cookie }),
    ref,
    bind: ref,
    statistics: counts,
  }));

export const filterState: fc.Arbitrary<FilterState> = fc.constantFrom(...etherTypes).chain((protocol) =>
  fc
    .record({
      dev: fc.constant('lo'),
      parent: fc.constantFrom<FilterParent>('ingress', 'egress', 'ffff:'),
      protocol: fc.constant(protocol),
      pref: fc.integer({ min: 1, max: 0xffff }),
      chain: fc.oneof(fc.constant(0), u32),
      handle: fc.integer({ min: 1, max: 0xffffffff }),
      keys: keysFor(protocol),
      skipHw: fc.boolean(),
      classid: optional(u32),
      actions: fc.array(action, { maxLength: 4 }),
    })
    .map(compact),
);
