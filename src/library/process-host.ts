/**
 * The host's side of an endpoint in a process of its own: devices are links that only the process has, whose faces are
 * functions. With `all` every device is; else those that were named before they are made, and the others are TAPs.
 */
import type { Device } from '../control/device-registry.js';
import { type Face, type FaceOptions, type HostSide, KernelHost } from '../control/host-side.js';
import { type HostTool, runHostTool } from '../control/host-tool.js';
import { splitLinkSet } from '../control/link-set-words.js';
import type { OpenedUnderlay } from '../control/other-underlays.js';
import { answerOf } from '../control/refusal.js';
import type { LinkChanges } from '../io/rtnetlink/client.js';
import type { LinkEvent, LinkFollower } from '../io/rtnetlink/follower.js';
import { parseMac } from '../iproute/address.js';
import { CommandError, type VxlanOptions } from '../iproute/commands.js';
import { findGenericWord } from '../iproute/link-words.js';
import { EEXIST, EINVAL, SystemError } from '../native/errno.js';
import { type LinkCounts, ProcessLinks } from './process-links.js';
import { ProcessPort } from './process-port.js';

export interface ProcessHostOptions {
  /** Every device is of the process. */
  readonly all: boolean;
  /** Whether the kernel's links and routes are looked at. */
  readonly hasKernel: boolean;
  readonly tun: string;
  /** Bytes for frames that are given to a device. */
  readonly queueBytes: number;
  readonly openUnderlay?: (options: VxlanOptions) => OpenedUnderlay;
  /** What the links of devices have counted. */
  readonly counts: (ifindex: number) => LinkCounts | undefined;
}

export class ProcessHost implements HostSide {
  readonly links: ProcessLinks;
  readonly openUnderlay?: (options: VxlanOptions) => OpenedUnderlay;
  private readonly options: ProcessHostOptions;
  private readonly kernel: KernelHost | undefined;
  /** Names of devices that are about to be made. */
  private readonly named = new Set<string>();
  private readonly ports = new Map<string, ProcessPort>();

  constructor(options: ProcessHostOptions) {
    this.options = options;
    this.kernel = options.hasKernel ? new KernelHost(options.tun) : undefined;
    this.links = new ProcessLinks(this.kernel?.links, options.counts);
    if (options.openUnderlay) this.openUnderlay = options.openUnderlay;
  }

  /** Has the device that is made next under this name be the process's. */
  async within<T>(name: string, work: () => Promise<T>): Promise<T> {
    this.named.add(name);
    try {
      return await work();
    } finally {
      this.named.delete(name);
    }
  }

  /** Whether there is no host at all beside the process. */
  get isAlone(): boolean {
    return this.options.all;
  }

  /** The port of a device of the process, by the name that it was made with. */
  port(madeAs: string): ProcessPort | undefined {
    return this.ports.get(madeAs);
  }

  follow(heard: (event: LinkEvent) => void): Pick<LinkFollower, keyof LinkFollower> {
    // It takes a thread of the pool, and in a process alone there are no TAPs that people change.
    if (this.kernel && !this.options.all) return this.kernel.follow(heard);
    const closed = new Promise<void>(() => undefined);
    const nothing = (): void => undefined;
    return {
      closed,
      hearsOtherNamespaces: false,
      followNeighbours: nothing,
      followRoutes: nothing,
      close: async () => undefined,
    };
  }

  openFace(options: FaceOptions): Face {
    const { name } = options;
    if (!this.options.all && !this.named.has(name) && this.kernel) return this.kernel.openFace(options);
    if (options.persist) throw new CommandError('vtep: a device of a process goes with it: "persist" is for TAPs', 2);
    try {
      this.links.add(name);
    } catch (error) {
      if (error instanceof SystemError && error.errno === EEXIST)
        throw new CommandError('RTNETLINK answers: File exists', 2);
      throw answerOf(error);
    }
    const port = new ProcessPort(this.options.queueBytes);
    this.ports.set(name, port);
    return { name, fds: [], queues: [], offloads: { tcp: false, udp: false }, port };
  }

  hasFace(device: Device): boolean {
    return device.fd < 0 ? this.links.hasOwn(device.ifindex) : (this.kernel?.hasFace(device) ?? false);
  }

  closeFace(device: Device, stays: boolean): void {
    if (device.fd >= 0) {
      this.kernel?.closeFace(device, stays);
      return;
    }
    const port = this.ports.get(device.madeAs);
    if (port) port.owner = undefined;
    this.ports.delete(device.madeAs);
    this.links.remove(device.ifindex);
  }

  /** In the place of the system's tools: what is said of links of the process is done here. */
  readonly tool: HostTool = async (tool, argv, say, signal) => {
    const parts = tool === 'ip' ? splitLinkSet(argv) : undefined;
    const name = parts && argv[2] === 'dev' ? argv[3] : argv[2];
    const index = name === undefined ? undefined : this.links.ownIndex(name);
    if (parts && index !== undefined) {
      this.set(index, argv);
      return;
    }
    if (this.kernel && !this.options.all) {
      await runHostTool(tool, argv, say, signal);
      return;
    }
    // What is shown is vtep's alone.
    if (argv.some((word) => ['show', 'list', 'ls', 'lst'].includes(word))) {
      if (argv.includes('-j')) say({ out: '[]\n' });
      return;
    }
    throw new CommandError(`vtep: "${[tool, ...argv].join(' ')}" is about the host, and this endpoint has none`, 2);
  };

  private set(index: number, argv: readonly string[]): void {
    let changes: LinkChanges = {};
    for (let at = argv[2] === 'dev' ? 4 : 3; at < argv.length; at++) {
      const word = argv[at] ?? '';
      const found = findGenericWord(word);
      if (found?.name === 'up' || found?.name === 'down') {
        changes = { ...changes, up: found.name === 'up' };
        continue;
      }
      const value = argv[++at] ?? '';
      changes = { ...changes, ...changeOf(found?.name ?? word, value) };
    }
    try {
      this.links.setLink(index, changes);
    } catch (error) {
      throw answerOf(error);
    }
  }
}

function changeOf(word: string, value: string): LinkChanges {
  switch (word) {
    case 'mtu':
      return { mtu: numberOf(word, value) };
    case 'txqueuelen':
    case 'qlen':
    case 'txqlen':
      return { txQueueLength: numberOf(word, value) };
    case 'address': {
      const address = parseMac(value);
      if (!address) throw new SystemError('RTNETLINK', EINVAL, value);
      return { address };
    }
    case 'name':
      return { name: value };
    case 'alias':
      return { alias: value };
    default:
      throw new CommandError(
        `vtep: "${word}" is not for devices of a process: mtu, address, name, alias, txqueuelen are`,
        2,
      );
  }
}

function numberOf(word: string, value: string): number {
  const number = Number(value);
  if (!/^\d+$/.test(value))
    throw new CommandError(`Error: argument "${value}" is wrong: Invalid "${word}" value\n`, 255);
  return number;
}
