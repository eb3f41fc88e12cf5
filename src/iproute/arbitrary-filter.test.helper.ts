/** Generators of filters as installed, for the tests. */
import fc from 'fast-check';
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
import { ETH_P_ALL, ETH_P_ARP, ETH_P_IP, ETH_P_IPV6, ETH_P_RARP } from './ether-type.js';
import { inPrintOrder } from './flower-keys.js';
import { toBytes } from './numbers.js';

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

const etherTypes = [ETH_P_ALL, ETH_P_IP, ETH_P_IPV6, ETH_P_ARP, ETH_P_RARP, 0x8100, 0x88a8, 0x88cc, 0x22f0, 0x0a00];

/** Keys that go together: addresses of the protocol's family, ports only after an ip_proto that has them. */
function keysFor(protocol: number): fc.Arbitrary<FlowerKey[]> {
  const optional: fc.Arbitrary<FlowerKey>[] = [
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
    fc.constantFrom(4, 16).chain((length) => key('enc_dst_ip', length, leadingOnes(length))),
    fc.constantFrom(4, 16).chain((length) => key('enc_src_ip', length, leadingOnes(length))),
  ];
  const length = protocol === ETH_P_IP ? 4 : protocol === ETH_P_IPV6 ? 16 : undefined;
  const fixed: fc.Arbitrary<FlowerKey[]>[] = [];
  if (protocol !== ETH_P_ALL) {
    fixed.push(fc.constant([{ name: 'eth_type', value: toBytes(protocol, 2), mask: Uint8Array.of(0xff, 0xff) }]));
  }
  if (length !== undefined) {
    optional.push(key('dst_ip', length, leadingOnes(length)), key('src_ip', length, leadingOnes(length)));
    const proto = (numbers: fc.Arbitrary<number>): fc.Arbitrary<FlowerKey> =>
      numbers.map((number) => ({ name: 'ip_proto', value: Uint8Array.of(number), mask: Uint8Array.of(0xff) }));
    const withPorts: fc.Arbitrary<FlowerKey[]> = fc.tuple(
      proto(fc.constantFrom(6, 17, 132)),
      key('dst_port', 2, maskOf(2)),
      key('src_port', 2, maskOf(2)),
    );
    fixed.push(
      fc.oneof(
        fc.constant<FlowerKey[]>([]),
        proto(u8).map((only) => [only]),
        withPorts,
      ),
    );
  }
  return fc
    .tuple(fc.tuple(...fixed), fc.tuple(...optional.map((one) => fc.option(one, { nil: undefined }))))
    .map(([always, maybe]) => inPrintOrder([...always.flat(), ...maybe.filter((one) => one !== undefined)]));
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
          control,
          value: fc.integer({ min: 0, max: 10000 }),
        }),
      ),
    )
    .map(([one, random]) => compact({ kind: 'gact', control: one, random }) as ActionDetail),
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
