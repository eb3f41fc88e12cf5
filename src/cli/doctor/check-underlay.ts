/** Checks of one interface below the tunnel. */
import { isAtLeast } from '../../io/probe/kernel-release.js';
import { type Facts, isUnseen, type LinkFacts } from './facts.js';
import { advice, type Finding, note, ok, unseen } from './finding.js';

/** Fewer datagrams than these say nothing of a peer. */
const ENOUGH = 10;

export function checkState({ name, isUp, hasCarrier }: LinkFacts): Finding[] {
  if (!isUp) return [advice(`${name} is down`, `ip link set ${name} up`)];
  return [
    hasCarrier ? ok(`${name} is up`) : advice(`${name} is up and has no carrier: a cable or its other end is missing`),
  ];
}

export function checkGro({ name, kind, offloads: { gro, txChecksum } }: LinkFacts): Finding[] {
  if (gro === undefined) return [unseen(`${name} does not say whether it has GRO`)];
  if (gro) return [ok('GRO is on: datagrams of one flow arrive in bundles')];
  const remedy = `ethtool -K ${name} gro on`;
  if (kind === 'veth' && txChecksum !== false)
    return [note('GRO is off, as it is on a veth; what the other end segments itself arrives one by one', remedy)];
  return [advice('GRO is off: every datagram goes through the stack by itself', remedy)];
}

export function checkTransmit({ kernel }: Facts, { name, kind, offloads: { txChecksum } }: LinkFacts): Finding[] {
  if (txChecksum === undefined) return [unseen(`${name} does not say whether it finishes checksums`)];
  if (kind === 'veth') {
    return txChecksum
      ? [ok('a veth with checksum offload: frames of up to 64 KB pass unsegmented (link mode super)')]
      : [
          note(
            'a veth without checksum offload: every packet has wire size and a finished checksum (link mode wire)',
            `unless that is wanted: ethtool -K ${name} tx on`,
          ),
        ];
  }
  if (txChecksum) return [ok('the interface finishes checksums')];
  if (isAtLeast(kernel, [6, 11, 0]))
    return [
      note('no checksum offload: the processor finishes checksums', `ethtool -K ${name} tx on, where the driver can`),
    ];
  return [
    advice(
      `no checksum offload, and Linux ${kernel} refuses bundles without it (EIO, before 6.11): every datagram is sent by itself`,
      `ethtool -K ${name} tx on`,
    ),
  ];
}

/** Devices of vtep on this underlay, with the largest inner packet that it leaves room for. */
function devicesOn(
  { daemon, links, underlays }: Facts,
  { name, mtu }: LinkFacts,
): { name: string; mtu: number; room: number; why: string }[] {
  if (isUnseen(daemon)) return [];
  const { devices } = daemon.health;
  const found: { name: string; mtu: number; room: number; why: string }[] = [];
  const add = (device: string, room: number, why: string): void => {
    const link = links.find((each) => each.name === device);
    if (link) found.push({ name: device, mtu: link.mtu, room, why });
  };
  const outer = devices.filter(({ kind }) => kind === 'vxlan');
  for (const { name: device, lower, room, overhead = 50, underlay } of outer) {
    if (underlay === 'pcap') continue;
    if (lower === name && room !== undefined) add(device, room, 'the device itself');
    else if (lower === undefined && underlays.includes(name)) add(device, mtu - overhead, 'the device itself');
  }
  // What a TAP's host sends leaves through an external device, by a filter.
  const way = outer.find(
    ({ external, lower }) => external === true && (lower === name || (lower === undefined && underlays.includes(name))),
  );
  if (way)
    for (const { name: tap, kind } of devices) if (kind === 'tap') add(tap, mtu - (way.overhead ?? 50), way.name);
  return found;
}

export function checkMtu(facts: Facts, link: LinkFacts): Finding[] {
  const devices = devicesOn(facts, link);
  const small = devices.filter(({ mtu, room }) => mtu > room);
  if (small.length > 0)
    return small.map(({ name, mtu, room }) =>
      advice(
        `an MTU of ${link.mtu} leaves ${room} bytes for an inner packet, and ${name} has ${mtu}: longer ones are fragmented or lost`,
        `ip link set ${name} mtu ${room}, or ip link set ${link.name} mtu ${mtu + link.mtu - room} on every hop`,
      ),
    );
  const list = devices.map(({ name, mtu }) => `${name} ${mtu}`).join(', ');
  return [ok(`an MTU of ${link.mtu}${list === '' ? '' : ` has room for ${list}`}`)];
}

export function checkReversePath({ underlays }: Facts, { name, rpFilter }: LinkFacts): Finding[] {
  if (rpFilter === undefined) return [unseen('rp_filter could not be read')];
  if (rpFilter !== 1) return [ok(`rp_filter is ${rpFilter === 0 ? 'off' : 'loose'}`)];
  const sentence =
    'rp_filter is strict: what comes from a peer to whom the route leads elsewhere is dropped, and counted nowhere in vtep';
  const remedy = `sysctl -w net.ipv4.conf.${name}.rp_filter=2`;
  return [underlays.length > 1 ? advice(sentence, remedy) : note(sentence, remedy)];
}

export function checkChecksums({ sample }: LinkFacts): Finding[] {
  if (sample === undefined) return [];
  if (isUnseen(sample)) return [unseen(`whether datagrams arrive without an outer checksum: ${sample.unseen}`)];
  const { datagrams, zeroChecksums } = sample;
  if (datagrams === 0)
    return [note('no VXLAN datagram arrived while the doctor looked, so nothing is known of their checksums')];
  if (zeroChecksums === 0) return [ok(`all of ${datagrams} datagrams had an outer UDP checksum`)];
  const sentence = `${zeroChecksums} of ${datagrams} datagrams came without an outer UDP checksum: the kernel never bundles such`;
  const remedy = 'at the sender: ip link add … type vxlan … udpcsum, or csum in its tunnel_key action';
  return [datagrams >= ENOUGH && zeroChecksums * 2 >= datagrams ? advice(sentence, remedy) : note(sentence, remedy)];
}
