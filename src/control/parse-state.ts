/** Reads what `vtep save --state` has written, and refuses whatever else there is in its place. */
import { parseIp, parseMac } from '../iproute/address.js';
import { CommandError } from '../iproute/commands.js';
import {
  type ActionAges,
  type ActionCountState,
  type Counts,
  type DeviceState,
  type EndpointState,
  type FdbEntryRecord,
  type FilterPlaceState,
  type RemoteState,
  STATE_FORMAT,
  STATE_VERSION,
} from './endpoint-state.js';

type Fields = Readonly<Record<string, unknown>>;

/** Longest name or line that is read. */
const LONGEST = 65_536;

/**
 * The state that a text is. `name` is what messages call it. Throws CommandError where it is no such file, one of a later
 * vtep, or damaged, and names the place.
 */
export function parseState(text: string, name: string): EndpointState {
  const refuse = (why: string): CommandError => new CommandError(`vtep: ${name}: ${why}; remove it to begin anew`, 1);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const isOurs = text.startsWith(`{"format":"${STATE_FORMAT}"`);
    const why = error instanceof Error ? error.message : String(error);
    throw refuse(isOurs ? `the state is damaged: ${why}` : NOT_OURS);
  }
  const head = value as Fields | null;
  if (typeof head !== 'object' || head?.format !== STATE_FORMAT) throw refuse(NOT_OURS);
  if (head.version !== STATE_VERSION)
    throw refuse(`the state is of version ${JSON.stringify(head.version)}, and this vtep reads ${STATE_VERSION}`);
  try {
    return readState(head);
  } catch (error) {
    if (error instanceof Damage) throw refuse(`the state is damaged: ${error.message}`);
    throw error;
  }
}

const NOT_OURS = 'this is no state that vtep save --state has written';

class Damage extends Error {}

function readState(head: Fields): EndpointState {
  return {
    ...{ format: STATE_FORMAT, version: STATE_VERSION },
    time: amount(head.time, 'time'),
    uptime: amount(head.uptime, 'uptime'),
    boot: text(head.boot, 'boot'),
    devices: list(head.devices, 'devices', deviceOf),
    actions: list(head.actions, 'actions', actionOf),
    fdb: list(head.fdb, 'fdb', entryOf),
  };
}

function deviceOf(value: unknown, at: string): DeviceState {
  const { name, counters, drops, qdisc, vnis } = fields(value, at);
  return {
    name: text(name, `${at}.name`),
    counters: counts(counters, `${at}.counters`),
    drops: counts(drops, `${at}.drops`),
    qdisc: counts(qdisc, `${at}.qdisc`),
    vnis: Object.fromEntries(
      Object.entries(fields(vnis, `${at}.vnis`)).map(([vni, each]) => [vni, counts(each, `${at}.vnis.${vni}`)]),
    ),
  };
}

function actionOf(value: unknown, at: string): ActionCountState {
  const { kind, index, says, filter, counters, ages } = fields(value, at);
  return {
    kind: text(kind, `${at}.kind`),
    index: whole(index, `${at}.index`, 2 ** 32),
    says: text(says, `${at}.says`),
    ...(filter !== undefined && { filter: placeOf(filter, `${at}.filter`) }),
    counters: counts(counters, `${at}.counters`),
    ...(ages !== undefined && { ages: agesOf(ages, `${at}.ages`) }),
  };
}

function agesOf(value: unknown, at: string): ActionAges {
  const { installed, used, firstUsed } = fields(value, at);
  return {
    installed: amount(installed, `${at}.installed`),
    ...(used !== undefined && { used: amount(used, `${at}.used`) }),
    ...(firstUsed !== undefined && { firstUsed: amount(firstUsed, `${at}.firstUsed`) }),
  };
}

function placeOf(value: unknown, at: string): FilterPlaceState {
  const { dev, hook, chain, pref, handle, says, order } = fields(value, at);
  return {
    dev: text(dev, `${at}.dev`),
    hook: text(hook, `${at}.hook`),
    chain: whole(chain, `${at}.chain`, 2 ** 32),
    pref: whole(pref, `${at}.pref`, 2 ** 16),
    handle: whole(handle, `${at}.handle`, 2 ** 32),
    says: text(says, `${at}.says`),
    order: whole(order, `${at}.order`, 2 ** 16),
  };
}

function entryOf(value: unknown, at: string): FdbEntryRecord {
  const { dev, mac, vni, state, flags, used, updated, remotes } = fields(value, at);
  const address = text(mac, `${at}.mac`);
  if (parseMac(address) === undefined) throw new Damage(`${at}.mac is no MAC address`);
  return {
    dev: text(dev, `${at}.dev`),
    mac: address,
    vni: whole(vni, `${at}.vni`, 2 ** 24),
    state: whole(state, `${at}.state`, 2 ** 16),
    flags: whole(flags, `${at}.flags`, 2 ** 16),
    used: whole(used, `${at}.used`, 2 ** 31),
    updated: whole(updated, `${at}.updated`, 2 ** 31),
    remotes: list(remotes, `${at}.remotes`, remoteOf),
  };
}

function remoteOf(value: unknown, at: string): RemoteState {
  const { address, port, vni, via } = fields(value, at);
  const ip = text(address, `${at}.address`);
  if (parseIp(ip) === undefined) throw new Damage(`${at}.address is no IP address`);
  return {
    address: ip,
    port: whole(port, `${at}.port`, 2 ** 16),
    vni: whole(vni, `${at}.vni`, 2 ** 24),
    ...(via !== undefined && { via: text(via, `${at}.via`) }),
  };
}

function fields(value: unknown, at: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Damage(`${at} is no object`);
  return value as Fields;
}

function list<T>(value: unknown, at: string, read: (each: unknown, at: string) => T): T[] {
  if (!Array.isArray(value)) throw new Damage(`${at} is no list`);
  return value.map((each: unknown, n) => read(each, `${at}[${n}]`));
}

function text(value: unknown, at: string): string {
  if (typeof value !== 'string' || value.length > LONGEST) throw new Damage(`${at} is no text`);
  return value;
}

/** What is counted: not negative, and not beyond what a double counts by ones. */
function amount(value: unknown, at: string): number {
  if (typeof value !== 'number' || !(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) {
    throw new Damage(`${at} is no amount`);
  }
  return value;
}

function whole(value: unknown, at: string, below: number): number {
  const number = amount(value, at);
  if (!Number.isInteger(number) || number >= below) throw new Damage(`${at} is out of range`);
  return number;
}

function counts(value: unknown, at: string): Counts {
  const pairs = Object.entries(fields(value, at)).map(([name, each]) => [name, amount(each, `${at}.${name}`)] as const);
  return Object.fromEntries(pairs);
}
