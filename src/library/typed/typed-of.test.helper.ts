/** Filters as the control side holds them, written as objects: the other way round, and made without the words. */
import { formatIp, formatMac, prefixLength } from '../../iproute/address.js';
import { formatClassId } from '../../iproute/class-id.js';
import type {
  ActionState,
  Control as ControlState,
  FilterState,
  FlowerKey,
  Police,
  TunnelKeySet,
} from '../../iproute/commands.js';
import { etherTypeName } from '../../iproute/ether-type.js';
import { flowerKey } from '../../iproute/flower-keys.js';
import { fromBytes } from '../../iproute/numbers.js';
import { amountOfTicks } from '../../iproute/rates.js';

type Json = Record<string, unknown>;

function isFull(mask: Uint8Array): boolean {
  return mask.every((byte) => byte === 0xff);
}

function flags(names: readonly string[], { value, mask }: FlowerKey): Json {
  const bits = names.map((name, n) => [name, 1 << n] as const).filter(([, bit]) => (fromBytes(mask) & bit) !== 0);
  return Object.fromEntries(bits.map(([name, bit]) => [name, (fromBytes(value) & bit) !== 0]));
}

function address(key: FlowerKey, format: (bytes: Uint8Array) => string): string {
  const bits = prefixLength(key.mask);
  if (isFull(key.mask)) return format(key.value);
  if (bits !== undefined) return `${format(key.value)}/${bits}`;
  return key.mask.every((byte) => byte === 0) ? `${format(key.value)}/0` : `${format(key.value)}/${format(key.mask)}`;
}

const protocols = new Map([
  [6, 'tcp'],
  [17, 'udp'],
  [132, 'sctp'],
]);

function keyOf(key: FlowerKey): readonly [string, unknown] | undefined {
  const row = flowerKey(key.name);
  const number = fromBytes(key.value);
  const masked = isFull(key.mask) ? number : { value: number, mask: fromBytes(key.mask) };
  switch (row?.kind) {
    case undefined:
    case 'ether-type':
      return undefined;
    case 'device':
      return [key.name, Buffer.from(key.value).toString()];
    case 'mac':
      return [key.name, address(key, formatMac)];
    case 'ip-address':
      return [key.name, address(key, formatIp)];
    case 'ip-proto':
      return [key.name, protocols.get(number) ?? number];
    case 'port-range':
      return [key.name.replace('_range', ''), { from: Math.floor(number / 0x10000), to: number % 0x10000 }];
    case 'ip-flags':
      return [key.name, flags(['frag', 'firstfrag'], key)];
    case 'enc-flags':
      return [key.name, flags(['tuncsum', 'tundf', 'tunoam', 'tuncrit'], key)];
    case 'tcp-flags':
    case 'gbp':
      return [key.name, { value: number, mask: fromBytes(key.mask) }];
    default:
      return [key.name, masked];
  }
}

function controlOf(control: ControlState): unknown {
  if (control.type === 'goto') return { goto: control.chain };
  return control.type === 'jump' ? { jump: control.count } : control.type;
}

function present(given: Json): Json {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function setOf({ srcIp, dstIp, id, dstPort, tos, ttl, gbp, csum, noFrag }: TunnelKeySet): Json {
  const addresses = { src_ip: formatIp(srcIp), dst_ip: formatIp(dstIp) };
  return present({ ...addresses, id, dst_port: dstPort, tos, ttl, vxlan_opts: gbp, csum, nofrag: noFrag || undefined });
}

function policeOf({ rate, burst = 0, peakRate, packetRate, packetBurst = 0, ...more }: Police): Json {
  return present({
    ...(rate !== undefined && { rate: `${rate}bps`, burst: amountOfTicks(rate, burst) }),
    peakrate: peakRate && `${peakRate}bps`,
    ...(packetRate !== undefined && { pkts_rate: packetRate, pkts_burst: amountOfTicks(packetRate, packetBurst) }),
    ...{ mtu: more.mtu, mpu: more.mpu || undefined, overhead: more.overhead || undefined },
    linklayer: more.linkLayer === 'atm' ? 'atm' : undefined,
    ...{ exceed: controlOf(more.control), conform: controlOf(more.conform) },
  });
}

/** The words of a `pedit`, whose numbers are words, too. */
function mungesOf(words: readonly string[]): Json[] {
  return words
    .join(' ')
    .split(/\bmunge /)
    .slice(1)
    .map((text) => {
      const munge: Json = {};
      const rest = text.trim().split(' ');
      const next = (): string => rest.shift() ?? '';
      const layer = next();
      munge[layer] = layer === 'offset' ? Number(next()) : next();
      if (layer === 'offset') munge.width = next();
      if (rest[0] === 'at') {
        next();
        munge.at = { at: Number(next()), mask: Number.parseInt(next(), 16), shift: Number(next()) };
      }
      const command = next();
      const value = command === 'set' || command === 'add' ? next() : true;
      munge[command] = typeof value === 'string' && /^(0x[0-9a-f]+|\d+)$/.test(value) ? Number(value) : value;
      if (next() === 'retain') munge.retain = Number(next());
      return munge;
    });
}

function actionOf({ spec }: ActionState): unknown {
  const { index, cookie, kind } = spec;
  const common = present({ kind, index, cookie, control: controlOf(spec.control) });
  switch (spec.kind) {
    case 'tunnel_key':
      return { ...common, ...(spec.mode === 'unset' ? { unset: true } : { set: setOf(spec) }) };
    case 'mirred': {
      const { control, ...rest } = common;
      const verb = { [spec.direction]: spec.mode, dev: spec.dev };
      return { ...rest, ...verb, ...(spec.mode === 'mirror' && { control }) };
    }
    case 'gact': {
      const { random } = spec;
      return {
        ...common,
        ...(random && { random: { type: random.type, control: controlOf(random.control), val: random.value } }),
      };
    }
    case 'vlan':
      switch (spec.mode) {
        case 'push':
        case 'modify':
          return {
            ...common,
            [spec.mode]: present({ id: spec.id, protocol: etherTypeName(spec.protocol), priority: spec.priority }),
          };
        case 'push_eth':
          return { ...common, push_eth: { dst_mac: formatMac(spec.dstMac), src_mac: formatMac(spec.srcMac) } };
        default:
          return { ...common, [spec.mode]: true };
      }
    case 'pedit':
      return { ...common, munge: mungesOf(spec.words) };
    case 'csum':
      return { ...common, update: spec.targets };
    case 'skbedit':
      return present({
        ...common,
        queue_mapping: spec.queueMapping,
        priority: spec.priority === undefined ? undefined : formatClassId(spec.priority),
        mark: spec.mask === undefined ? spec.mark : { value: spec.mark, mask: spec.mask },
        inheritdsfield: spec.inheritDsField,
      });
    case 'police': {
      const { control: _control, ...rest } = common;
      return { ...rest, ...policeOf(spec) };
    }
    case 'sample':
      return present({ ...common, rate: spec.rate, group: spec.group, trunc: spec.truncate });
    case 'simple':
      return { ...common, sdata: spec.data };
    default:
      return { ...common, name: spec.name };
  }
}

/** What `addFilter` is to be given for such a filter. */
export function typedOf({
  dev,
  parent,
  protocol,
  pref,
  chain,
  handle,
  keys,
  skipHw,
  classid,
  actions,
}: FilterState): Json {
  const match = keys.map(keyOf).filter((entry) => entry !== undefined);
  return present({
    ...{ dev, hook: parent === 'ffff:' ? 'ingress' : parent, pref, chain, handle },
    protocol: etherTypeName(protocol) ?? protocol,
    match: Object.fromEntries(match),
    skip_hw: skipHw,
    classid: classid === undefined ? undefined : formatClassId(classid),
    actions: actions.map(actionOf),
  });
}
