/** Generators of options of vxlan devices and of their forwarding entries. */
import fc from 'fast-check';
import type { FdbEntry } from './fdb-types.js';
import { VXLAN_RESERVED_BITS, type VxlanOptions } from './vxlan-options.js';

export function optional<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(arbitrary, { nil: undefined });
}

/** Drops the fields that are undefined. */
export function compact<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T;
}

function host(version: 4 | 6): fc.Arbitrary<Uint8Array> {
  const low = fc.integer({ min: 1, max: 254 });
  return version === 4
    ? fc.tuple(fc.integer({ min: 1, max: 126 }), low, low, low).map((bytes) => Uint8Array.from(bytes))
    : fc.tuple(low, low).map(([a, b]) => Uint8Array.from([0xfd, a, ...new Array<number>(13).fill(0), b]));
}

function group(version: 4 | 6): fc.Arbitrary<Uint8Array> {
  const low = fc.integer({ min: 1, max: 254 });
  return version === 4
    ? low.map((n) => Uint8Array.of(239, 1, 1, n))
    : low.map((n) => Uint8Array.from([0xff, 5, ...new Array<number>(13).fill(0), n]));
}

const flag = optional(fc.constant(true));
const version = fc.constantFrom(4 as const, 6 as const);

/** Options that the kernel takes. `dev`: a lower device that there is. */
export function kernelVxlan(dev: string): fc.Arbitrary<VxlanOptions> {
  return fc.tuple(fc.boolean(), version, fc.boolean()).chain(([external, family, isGroup]) =>
    fc
      .record({
        external: fc.constant(external),
        id: external ? fc.constant(undefined) : fc.integer({ min: 0, max: 0xffffff }),
        remote: optional(isGroup ? group(family) : host(family)),
        local: optional(host(family)),
        dev: isGroup ? fc.constant(dev) : optional(fc.constant(dev)),
        dstport: fc.integer({ min: 1, max: 0xffff }),
        srcport: optional(
          fc
            .tuple(fc.integer({ min: 1, max: 0xffff }), fc.integer({ min: 1, max: 0xffff }))
            .map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const),
        ),
        ttl: optional(fc.oneof(fc.integer({ min: 1, max: 255 }), fc.constant('inherit' as const))),
        tos: optional(fc.oneof(fc.integer({ min: 2, max: 255 }), fc.constant('inherit' as const))),
        df: optional(fc.constantFrom('set' as const, 'inherit' as const)),
        flowlabel: optional(fc.integer({ min: 1, max: 0xfffff })),
        ageing: optional(fc.integer({ min: 1, max: 0xffffffff }).filter((seconds) => seconds !== 300)),
        maxaddress: optional(fc.integer({ min: 1, max: 0xffffffff })),
        learning: optional(fc.constant(external)),
        udpcsum: fc.boolean(),
        udp6zerocsumtx: fc.boolean(),
        udp6zerocsumrx: fc.boolean(),
        proxy: flag,
        rsc: flag,
        l2miss: flag,
        l3miss: flag,
        remcsumtx: flag,
        remcsumrx: flag,
        gbp: flag,
        vnifilter: external ? flag : fc.constant(undefined),
      })
      .map((options) => {
        const isIpv6 = (options.remote ?? options.local)?.length === 16;
        return compact({ ...options, flowlabel: isIpv6 ? options.flowlabel : undefined }) as VxlanOptions;
      }),
  );
}

/** The same, and GPE, which goes with little else, and the options of later releases. */
export const anyVxlan: fc.Arbitrary<VxlanOptions> = fc.oneof(
  kernelVxlan('eth0'),
  fc
    .tuple(
      kernelVxlan('eth0'),
      optional(fc.constant(false)),
      optional(fc.uint8Array({ minLength: 8, maxLength: 8 }).map((mask) => Uint8Array.from(mask))),
      optional(fc.constantFrom('raw' as const, 'pcap' as const)),
    )
    .map(([options, localbypass, mask, wanted]) => {
      const underlay = wanted === 'pcap' && options.dev === undefined ? undefined : wanted;
      const isDefault = mask?.every((byte, i) => byte === VXLAN_RESERVED_BITS[i]) === true;
      return compact({ ...options, localbypass, underlay, reservedBits: isDefault ? undefined : mask });
    }),
  fc
    .record({
      dstport: fc.integer({ min: 1, max: 0xffff }),
      udpcsum: fc.boolean(),
      gbp: flag,
      tapOffload: flag,
      taps: optional(
        fc.record({
          tapPrefix: fc.constantFrom('m', 'mir-', 'abcdef_'),
          maxTaps: optional(fc.integer({ min: 1, max: 1000 }).filter((count) => count !== 128)),
          tapIdle: optional(fc.integer({ min: 0, max: 0xffffffff }).filter((seconds) => seconds !== 300)),
        }),
      ),
    })
    .map(({ taps, ...some }) => {
      const fixed = { external: true, anyVni: true, udp6zerocsumtx: false, udp6zerocsumrx: true } as const;
      return compact({ ...some, ...taps, ...fixed } as VxlanOptions);
    }),
  fc
    .record({ dstport: fc.integer({ min: 1, max: 0xffff }), udpcsum: fc.boolean(), vnifilter: flag })
    .map((some) =>
      compact({ ...some, external: true, gpe: true, udp6zerocsumtx: false, udp6zerocsumrx: true } as VxlanOptions),
    ),
);

/** Entries that the kernel takes on a device of IPv4: unicast, or the all-zero one. */
export function kernelFdbEntry(dev: string, via: string, external: boolean): fc.Arbitrary<FdbEntry> {
  const vni = fc.integer({ min: 0, max: 0xffffff });
  return fc
    .record({
      dev: fc.constant(dev),
      mac: fc.oneof(
        {
          weight: 9,
          arbitrary: fc.uint8Array({ minLength: 5, maxLength: 5 }).map((tail) => Uint8Array.of(2, ...tail)),
        },
        { weight: 1, arbitrary: fc.constant(new Uint8Array(6)) },
      ),
      dst: host(4),
      port: optional(fc.oneof(fc.constant(4789), fc.integer({ min: 1, max: 0xffff }))),
      vni: optional(fc.oneof(fc.constant(4), vni)),
      srcVni: external ? optional(vni) : fc.constant(undefined),
      via: optional(fc.constant(via)),
      state: fc.constantFrom('permanent' as const, 'static' as const, 'dynamic' as const),
      router: flag,
      externLearn: flag,
      sticky: flag,
    })
    .map((entry) => compact(entry) as FdbEntry);
}
