/** Looks at this host, and at the vtep that runs on it, once. */
import { availableParallelism, endianness, release } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { RECEIVE_BUFFER } from '../../control/vxlan-sockets.js';
import { type LinkOffloads, linkOffloads } from '../../io/ethtool.js';
import { loadOptionalPackage, MissingPackageError, type OptionalPackage } from '../../io/optional-package.js';
import { type OuterSample, sampleOuter } from '../../io/packet/outer-sample.js';
import type { Probe } from '../../io/probe/probe.js';
import { socketRights } from '../../io/probe/socket-rights.js';
import { RtnetlinkClient } from '../../io/rtnetlink/client.js';
import type { Link } from '../../io/rtnetlink/link.js';
import { SystemError } from '../../native/errno.js';
import { close, open } from '../../native/libc.js';
import { IFF_LOOPBACK } from '../../native/netlink-constants.js';
import { platformRefusal } from '../../native/platform.js';
import { O_CLOEXEC, O_RDWR } from '../../native/socket-constants.js';
import { askDaemon } from './ask-daemon.js';
import { refusedDatagrams } from './check-refused.js';
import type { DaemonFacts, Facts, KernelVxlan, LinkFacts, Seen } from './facts.js';
import { isUnseen } from './facts.js';
import { capabilitiesOf, isMapped, mayMakeUserNamespace, portHolders, read, readNumber } from './proc.js';
import { isInstalled, runTool } from './run-tool.js';
import { chooseUnderlays } from './underlays.js';

const DEFAULT_PORT = 4789;
/** How long each underlay is looked at, and how many of them. */
const LOOK_MS = 250;
const MOST_LOOKS = 3;
/** Between two looks at the drops. */
const BETWEEN_MS = 600;

export interface Wishes {
  /** A device of vtep, or an interface below one. */
  readonly dev?: string;
  readonly control?: string;
  /** Device node of TUN/TAP. */
  readonly tun: string;
}

/** Throws CommandError where there is no device of that name. */
export async function gather({ dev, control, tun }: Wishes): Promise<Facts> {
  const began = performance.now();
  const first = await askDaemon(control);
  const health = isUnseen(first) ? undefined : first.health;
  const links = readLinks();
  const defaultRoute = links.find(({ index }) => index === defaultDevice())?.name;
  const described = links.map(describe);
  const underlays = chooseUnderlays(described, health, defaultRoute, dev);
  const ports = portsOf(health, dev);
  const probes = probeElsewhere(tun);
  const tools = [readKernelVxlans(), runTool('nft', '-j', 'list', 'ruleset'), runTool('iptables-save')] as const;
  const rights = socketRights(RECEIVE_BUFFER);
  const isRoot = process.getuid?.() === 0;
  const capabilities = capabilitiesOf(read('/proc/self/status') ?? '');
  const [kernelVxlans, nft, iptables] = await Promise.all(tools);
  const foundProbes = await probes;
  // It keeps this thread: nothing else may be on its way.
  const looked = looks(links, underlays, new Set(ports));
  const daemon = await secondLook(first, began, control);
  const may = isRoot ? undefined : mayMakeUserNamespace((name) => readNumber(`/proc/sys/${name}`));
  const refusal = platformRefusal(process.platform, process.arch, endianness());
  const [count, max] = ['count', 'max'].map((name) => readNumber(`/proc/sys/net/netfilter/nf_conntrack_${name}`));
  return {
    ...(refusal !== undefined && { platformRefusal: refusal }),
    node: process.versions.node,
    kernel: release(),
    cores: availableParallelism(),
    isRoot,
    capabilities: {
      netAdmin: capabilities.netAdmin && rights.isCapable,
      netRaw: capabilities.netRaw && rights.isCapable,
    },
    isInUserNamespace: isMapped(read('/proc/self/uid_map') ?? ''),
    ...(may !== undefined && { mayMakeUserNamespace: may }),
    tun: { path: tun, errno: tryOpen(tun) },
    missingTools: ['ip', 'tc', 'bridge'].filter((tool) => !isInstalled(tool)),
    packages: missingPackages(),
    probes: foundProbes,
    queue: { wanted: RECEIVE_BUFFER, granted: rights.queue },
    links: described.map((link) =>
      underlays.includes(link.name) ? { ...link, ...detailsOf(link.name), ...looked.get(link.name) } : link,
    ),
    underlays,
    ports,
    holders: portHolders(new Set(ports)),
    kernelVxlans,
    firewall: { nft: rulesetOf(parsed(nft)), iptables },
    refused: refusedDatagrams(read('/proc/net/snmp') ?? '', read('/proc/net/snmp6') ?? ''),
    ...(count !== undefined && max !== undefined && { conntrack: { count, max } }),
    daemon,
  };
}

function readLinks(): Link[] {
  const client = new RtnetlinkClient();
  try {
    return client.links();
  } finally {
    client.close();
  }
}

/** Index of the device that a packet to somewhere far away leaves by. */
function defaultDevice(): number | undefined {
  const client = new RtnetlinkClient();
  try {
    return client.route(Uint8Array.of(192, 0, 2, 1)).device;
  } catch (error) {
    if (error instanceof SystemError) return undefined;
    throw error;
  } finally {
    client.close();
  }
}

function describe({ name, kind, mtu, up, lowerUp, flags, master, address }: Link): LinkFacts {
  return {
    name,
    kind,
    mtu,
    isUp: up,
    hasCarrier: lowerUp,
    isLoopback: (flags & IFF_LOOPBACK) !== 0,
    hasMaster: master !== 0,
    isEthernet: address.length === 6,
    offloads: {},
  };
}

function detailsOf(name: string): { offloads: LinkOffloads; rpFilter?: number } {
  const all = ['all', name].map((each) => readNumber(`/proc/sys/net/ipv4/conf/${each}/rp_filter`) ?? -1);
  const rpFilter = Math.max(...all);
  return { offloads: linkOffloads(name), ...(rpFilter >= 0 && { rpFilter }) };
}

/** The ports of the devices in question; VXLAN's where there are none. */
function portsOf(health: DaemonFacts['health'] | undefined, dev: string | undefined): number[] {
  const devices = health?.devices ?? [];
  const chosen = devices.filter(
    ({ name, kind }) =>
      kind === 'vxlan' && (name === dev || !devices.some((each) => each.name === dev && each.kind === 'vxlan')),
  );
  const ports = new Set(chosen.flatMap(({ port }) => port ?? []));
  return ports.size === 0 ? [DEFAULT_PORT] : [...ports];
}

/** In a network namespace that is made for it; an ordinary user's within a user namespace. */
async function probeElsewhere(tun: string): Promise<Seen<readonly Probe[]>> {
  const program = fileURLToPath(new URL('./probe-main.js', import.meta.url));
  const how = process.getuid?.() === 0 ? ['-n'] : ['-r', '-n'];
  const printed = await runTool('unshare', ...how, '--', process.execPath, program, tun);
  if (isUnseen(printed)) return { unseen: `no network namespace could be made for it (${printed.unseen})` };
  return JSON.parse(printed) as Probe[];
}

async function readKernelVxlans(): Promise<Seen<KernelVxlan[]>> {
  const printed = parsed(await runTool('ip', '-j', '-d', 'link', 'show', 'type', 'vxlan'));
  if (isUnseen(printed)) return printed;
  const links = (Array.isArray(printed) ? printed : []) as {
    ifname?: string;
    flags?: string[];
    linkinfo?: { info_data?: { port?: number } };
  }[];
  return links.flatMap(({ ifname, flags, linkinfo }) => {
    const port = linkinfo?.info_data?.port;
    return ifname !== undefined && port !== undefined && flags?.includes('UP') ? [{ name: ifname, port }] : [];
  });
}

function parsed(printed: string | { readonly unseen: string }): Seen<unknown> {
  if (isUnseen(printed)) return printed;
  try {
    return printed.trim() === '' ? [] : JSON.parse(printed);
  } catch {
    return { unseen: 'what it printed was no JSON' };
  }
}

/** What has no list of objects is not what nftables prints. */
export function rulesetOf(printed: Seen<unknown>): Seen<unknown> {
  if (isUnseen(printed)) return printed;
  const isRuleset = typeof printed === 'object' && printed !== null && 'nftables' in printed;
  return isRuleset ? printed : { unseen: 'what nft printed is no ruleset' };
}

function tryOpen(path: string): number {
  const fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return -fd;
  close(fd);
  return 0;
}

function missingPackages(): Facts['packages'] {
  const missing: Partial<Record<OptionalPackage, string>> = {};
  for (const name of ['raw-socket', 'cap'] as const) {
    try {
      loadOptionalPackage(name);
    } catch (error) {
      if (!(error instanceof MissingPackageError)) throw error;
      missing[name] = error.message;
    }
  }
  return missing;
}

/** What arrives on the underlays, for a moment each. */
function looks(
  links: readonly Link[],
  names: readonly string[],
  ports: ReadonlySet<number>,
): Map<string, { sample: Seen<OuterSample> }> {
  const found = new Map<string, { sample: Seen<OuterSample> }>();
  for (const name of names.slice(0, MOST_LOOKS)) {
    const link = links.find((each) => each.name === name);
    if (!link?.up) continue;
    try {
      found.set(name, { sample: sampleOuter(link.index, ports, LOOK_MS) });
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      found.set(name, { sample: { unseen: error.message } });
    }
  }
  return found;
}

async function secondLook(
  first: Awaited<ReturnType<typeof askDaemon>>,
  began: number,
  control: string | undefined,
): Promise<Seen<DaemonFacts>> {
  if (isUnseen(first)) return first;
  await setTimeout(Math.max(0, BETWEEN_MS - (performance.now() - began)));
  const second = await askDaemon(control);
  if (isUnseen(second)) return second;
  const { health, drops } = second;
  return { health, before: first.drops, after: drops, seconds: (performance.now() - began) / 1000 };
}
