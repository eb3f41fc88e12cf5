// Whether the end-to-end cases leave anything of flower out. What there is, the grammar's own tables say.
import test from 'ava';
import type { FlowerKey } from '../../src/iproute/commands.js';
import { CommandError } from '../../src/iproute/commands.js';
import { flowerKeys, flowerWholeWords, flowerWords, typedFlowerKey } from '../../src/iproute/flower-keys.js';
import { flowerValues } from '../../src/iproute/flower-values.js';
import { parseLine } from '../../src/iproute/parse.js';
import { frameKeyCases } from './key-cases.js';
import { ADDRESSES, shownFlagCases, tunnelKeyCases } from './tunnel-key-cases.js';

interface Told {
  readonly filter: string;
  readonly protocol?: string;
  readonly takes: readonly unknown[];
  readonly leaves: readonly unknown[];
  readonly oneSided?: string;
}

const cases: readonly Told[] = [
  ...frameKeyCases,
  ...tunnelKeyCases(ADDRESSES[4]),
  ...tunnelKeyCases(ADDRESSES[6]),
  ...shownFlagCases,
];

function keysOf({ filter, protocol = 'all' }: Told): readonly FlowerKey[] {
  const words = filter.replaceAll('OWN', '06:00:00:00:00:00').replace('HERE', 'tap0').replace('ELSEWHERE', 'tap1');
  const line = `filter add dev tap0 ingress protocol ${protocol} flower ${words}`.trim();
  const command = parseLine('tc', line.split(' '));
  if (command.kind !== 'filter-add') throw new Error(`${line}: ${command.kind}`);
  return command.filter.keys;
}

/** Exact, a prefix, or a mask of any other shape. */
function shapeOf(mask: Uint8Array): string {
  const bits = [...mask].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return bits.includes('0') ? (/^1+0+$/.test(bits) ? 'prefix' : 'mask') : 'exact';
}

const PROTOCOLS: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmpv6', 132: 'sctp' };

/** What of `key` a case shows, in the words of `variantsOf`. */
function variantOf(key: FlowerKey, keys: readonly FlowerKey[]): string[] {
  const row = flowerKeys.find(({ name }) => name === key.name);
  const shape = shapeOf(key.mask);
  const proto = PROTOCOLS[keys.find(({ name }) => name === 'ip_proto')?.value[0] ?? 0];
  const type = keys.find(({ name }) => name === 'eth_type')?.value;
  const family = type?.[0] === 0x86 ? 'ipv6' : 'ipv4';
  switch (row?.kind) {
    case 'ip-address':
      return [`${key.name} of ${key.value.length} bytes ${shape}`];
    case 'mac':
      return [`${key.name} ${shape}`];
    case 'port':
      return shape === 'exact' ? [`${key.name} of ${proto} exact`] : [`${key.name} masked`];
    case 'masked-u8':
      return [`${key.name} of ${proto} ${shape === 'exact' ? 'exact' : 'masked'}`];
    case 'tos-ttl': {
      const of = key.name.startsWith('enc_') ? '' : ` of ${family}`;
      return [`${key.name}${of} ${shape === 'exact' ? 'exact' : 'masked'}`];
    }
    case 'tcp-flags':
      return [`${key.name} ${key.mask[0] === 0x0f && key.mask[1] === 0xff ? 'exact' : 'masked'}`];
    case 'arp-op':
      return shape === 'exact' ? [`${key.name} ${key.value[0]}`] : [`${key.name} masked`];
    case 'gbp':
      return [`${key.name} ${key.mask[2] === 0xff && key.mask[3] === 0xff ? 'exact' : 'masked'}`];
    case 'ip-flags':
    case 'enc-flags': {
      const formatted = flowerValues[row.kind].format(key);
      const flags = formatted.type === 'flags' ? formatted.flags : [];
      return flags.map(([flag, isSet]) => `${key.name} ${isSet ? '' : 'no'}${flag}`);
    }
    default:
      return [key.name];
  }
}

/** Every shape that the values of a kind have. */
function variantsOf({ name, kind, width }: (typeof flowerKeys)[number]): string[] {
  const each = (names: readonly string[], shapes: readonly string[]): string[] =>
    names.flatMap((one) => shapes.map((shape) => `${one} ${shape}`));
  switch (kind) {
    case 'ip-address':
      return each(width === 4 ? [`${name} of 4 bytes`] : [4, 16].map((bytes) => `${name} of ${bytes} bytes`), [
        'exact',
        'prefix',
      ]);
    case 'mac':
      return each([name], ['exact', 'prefix', 'mask']);
    case 'port':
      return [
        ...each(
          ['tcp', 'udp', 'sctp'].map((proto) => `${name} of ${proto}`),
          ['exact'],
        ),
        `${name} masked`,
      ];
    case 'masked-u8':
      return each(
        ['icmp', 'icmpv6'].map((proto) => `${name} of ${proto}`),
        ['exact', 'masked'],
      );
    case 'tos-ttl':
      return each(name.startsWith('enc_') ? [name] : [`${name} of ipv4`, `${name} of ipv6`], ['exact', 'masked']);
    case 'tcp-flags':
    case 'gbp':
      return each([name], ['exact', 'masked']);
    case 'arp-op':
      return each([name], ['1', '2', 'masked']);
    case 'ip-flags':
    case 'enc-flags': {
      const formatted = flowerValues[kind].format({
        name,
        value: new Uint8Array(4),
        mask: new Uint8Array(4).fill(0xff),
      });
      const flags = formatted.type === 'flags' ? formatted.flags.map(([flag]) => flag) : [];
      return [...flags, ...flags.map((flag) => `no${flag}`)].map((flag) => `${name} ${flag}`);
    }
    default:
      return [name];
  }
}

test('every key, with every shape of its values, has a case', (t) => {
  const shown = new Set(cases.flatMap((one) => keysOf(one).flatMap((key, _, keys) => variantOf(key, keys))));
  const missing = flowerKeys.flatMap(variantsOf).filter((variant) => !shown.has(variant));
  t.deepEqual(missing, []);
  t.true(shown.size > flowerKeys.length);
});

test('every case has frames on both sides, or says why it cannot; every key has both', (t) => {
  for (const { filter, takes, leaves, oneSided } of cases) {
    t.true(takes.length + leaves.length > 0, filter);
    t.is(oneSided === undefined, takes.length > 0 && leaves.length > 0, filter);
  }
  for (const { name } of flowerKeys) {
    const of = cases.filter((one) => keysOf(one).some((key) => key.name === name));
    t.true(
      of.some(({ takes }) => takes.length > 0),
      `${name} takes`,
    );
    t.true(
      of.some(({ leaves }) => leaves.length > 0),
      `${name} leaves`,
    );
  }
});

test('every other word of flower has a case, or is refused by its name', (t) => {
  const others = [...flowerWords, ...flowerWholeWords].filter((word) => typedFlowerKey(word) === undefined);
  const known = new Set(cases.flatMap(({ filter }) => filter.split(' ')));
  for (const word of others.filter((one) => one !== 'action' && one !== 'help' && one !== 'skip_sw')) {
    if (known.has(word)) continue;
    const error = t.throws(() => parseLine('tc', ['filter', 'add', 'dev', 'tap0', 'ingress', 'flower', word, '1']), {
      instanceOf: CommandError,
    });
    t.deepEqual([error?.exitCode, error?.message], [2, `vtep: flower key "${word}" is not supported by vtep`]);
  }
  t.true(others.length > 20);
});
