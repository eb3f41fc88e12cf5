/** Checks of the vtep that runs here. */
import { type DaemonFacts, type Facts, isUnseen } from './facts.js';
import { advice, type Finding, note, ok } from './finding.js';

/** Fewer messages than these say nothing of how datagrams arrive. */
const ENOUGH_MESSAGES = 1000;
/** Reasons that are named of those that do not grow. */
const NAMED = 5;

/** What to do about reasons whose sentence does not say it. */
const remedies: Readonly<Record<string, string>> = {
  'socket-overflow': 'sysctl -w net.core.rmem_max=8388608 and start vtep again, or more workers (vtep help run)',
  'unknown-vni': 'compare the VNIs: vtep ip -d link show, and those of the sender',
  'no-vni-flag': 'the sender speaks something else than VXLAN to this port: compare dstport on both sides',
  'reserved-bits': 'the sender uses an extension (gbp, gpe, remcsum): give the device the same word',
  'device-down': 'ip link set DEVICE up',
  'tap-unmatched': 'vtep tc filter show dev DEVICE ingress: no filter takes these frames',
  'tap-down': 'ip link set DEVICE up',
};

export function checkEndpoint({ daemon }: Facts): Finding[] {
  if (isUnseen(daemon)) return [note(`${daemon.unseen}; what it would tell is left out`)];
  const { pid, uptime, devices, notes } = daemon.health;
  const list = devices.length === 1 ? 'one device' : `${devices.length} devices`;
  return [
    ok(`vtep runs as process ${pid} for ${duration(uptime)}, with ${list}`),
    ...notes.map((line) => advice(`at its start it found: ${line}`, 'another release of the kernel')),
  ];
}

function duration(seconds: number): string {
  if (seconds < 120) return `${Math.floor(seconds)} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h`;
}

const keyOf = ({ device, reason }: { device: string; reason: string }): string => `${device} ${reason}`;

export function checkDrops({ daemon }: Facts): Finding[] {
  if (isUnseen(daemon)) return [];
  const { before, after, seconds } = daemon;
  const earlier = new Map(before.map((row) => [keyOf(row), row.count]));
  const lost = after.filter(({ verdict }) => verdict === 'drop');
  const growing = lost.filter((row) => row.count > (earlier.get(keyOf(row)) ?? 0));
  if (growing.length > 0)
    return growing.map((row) => {
      const more = row.count - (earlier.get(keyOf(row)) ?? 0);
      const remedy = remedies[row.reason]?.replace('DEVICE', row.device);
      return advice(
        `${row.device} drops under ${row.reason}, ${more} within ${seconds.toFixed(1)} s: ${row.sentence}`,
        remedy ?? 'vtep drops lists all of them',
      );
    });
  if (lost.length === 0) return [ok('nothing was dropped')];
  const top = [...lost].sort((a, b) => b.count - a.count).slice(0, NAMED);
  const names = top.map(({ device, reason, count }) => `${device} ${reason} ${count}`).join(', ');
  return [note(`nothing is being dropped; since the start: ${names}${lost.length > NAMED ? ', …' : ''}`)];
}

export function checkBundles({ daemon }: Facts): Finding[] {
  if (isUnseen(daemon)) return [];
  const { received, queues } = daemon.health;
  if (!queues.some(({ takesBundles }) => takesBundles) || received.messages < ENOUGH_MESSAGES) return [];
  const rate = received.datagrams / received.messages;
  if (rate >= 1.5) return [ok(`${rate.toFixed(1)} datagrams arrive a message`)];
  return [
    note(
      `datagrams arrive one by one (${rate.toFixed(1)} a message): small flows, GRO that is off, or senders without an outer checksum`,
    ),
  ];
}

export function checkDevices({ daemon, links }: Facts): Finding[] {
  if (isUnseen(daemon)) return [];
  return downDevices(daemon, links);
}

function downDevices({ health }: DaemonFacts, links: Facts['links']): Finding[] {
  const down = health.devices.filter(({ name }) => links.some((link) => link.name === name && !link.isUp));
  return down.map(({ name }) => note(`${name} is down, and nothing goes through it`, `ip link set ${name} up`));
}
