/**
 * The devices of a daemon: TAPs and vxlan devices, each with its face on the host. The kernel is the authority over
 * what people see and change there (name, MTU, MAC, up or down, namespace): this follows, through rtnetlink.
 */
import type { Datapath } from '../dataplane/datapath.js';
import { DeviceKind } from '../devices/device-table.js';
import { RtnetlinkClient } from '../io/rtnetlink/client.js';
import { type LinkEvent, LinkFollower } from '../io/rtnetlink/follower.js';
import type { Link } from '../io/rtnetlink/link.js';
import { openTap } from '../io/tap/open-tap.js';
import { CommandError, type LinkGeneric, type VxlanOptions } from '../iproute/commands.js';
import { MAX_DEVICES } from '../memory/counters.js';
import { EBADFD, EBUSY, EEXIST, errnoText, SystemError } from '../native/errno.js';
import { close } from '../native/libc.js';
import { OFFLOAD_CSUM, OFFLOAD_TSO4, OFFLOAD_TSO6, OFFLOAD_USO4, OFFLOAD_USO6 } from '../offload/offloads.js';
import { VXLAN_RESERVED_HIGH, VXLAN_RESERVED_LOW } from '../wire/vxlan.js';
import { FreeNumbers } from './free-numbers.js';
import { noSuchDevice, rtnetlinkAnswers } from './refusal.js';
import type { RuleDevices } from './rules.js';
import { VxlanSockets } from './vxlan-sockets.js';

/** Mark of vtep on the interfaces it made (ifalias): only those does it ever take over. */
const MARK = 'vtep';
/** Bytes that VXLAN over IPv4 adds: outer IP, UDP, VXLAN and inner Ethernet headers. */
const VXLAN_OVERHEAD = 50;

interface Device {
  readonly index: number;
  readonly kind: 'tap' | 'vxlan';
  readonly fd: number;
  readonly persist: boolean;
  ifindex: number;
  name: string;
  up: boolean;
  /** Id of the network namespace that it was moved to: still working, but its name is no longer one of ours. */
  nsid: number | undefined;
  readonly sockets?: VxlanSockets;
}

export interface DevicesOptions {
  readonly tun: string;
  readonly log: (line: string) => void;
}

export class Devices implements RuleDevices {
  private readonly datapath: Datapath;
  private readonly options: DevicesOptions;
  private readonly rtnetlink = new RtnetlinkClient();
  private readonly follower: LinkFollower;
  private readonly indices = new FreeNumbers(0);
  private readonly byIndex = new Map<number, Device>();
  private closed = false;
  /** Changes that the kernel told of are taken over one after the other. */
  private turn: Promise<void> = Promise.resolve();

  constructor(datapath: Datapath, options: DevicesOptions) {
    this.datapath = datapath;
    this.options = options;
    this.follower = new LinkFollower((event) => this.heard(event));
    this.follower.closed.catch((error: Error) => options.log(`links are no longer followed: ${error.message}`));
    datapath.on('port-gone', (device, errno) => this.portGone(device, errno));
  }

  has(name: string): boolean {
    return this.find(name) !== undefined;
  }

  indexOf(name: string): number {
    const device = this.find(name);
    if (device) return device.index;
    if (this.hostHas(name)) {
      throw new CommandError(
        `vtep: "${name}" is the host's, not a device of vtep: filters hang on devices that vtep made (use the system's tc for it)`,
        2,
      );
    }
    throw noSuchDevice(name);
  }

  targetOf(name: string): number {
    const device = this.find(name);
    if (device) return device.index;
    if (this.hostHas(name)) {
      throw new CommandError(`vtep: mirred to "${name}", which is not a device of vtep, is not supported by vtep`, 2);
    }
    throw new CommandError(
      `Cannot find device "${name}"\nbad action parsing\nparse_action: bad value (0:mirred)!\nIllegal "action"`,
      1,
    );
  }

  nameOf(index: number): string {
    return this.byIndex.get(index)?.name ?? '*';
  }

  ifindexOf(name: string): number {
    const device = this.find(name);
    if (device) return device.ifindex;
    const link = this.rtnetlink.link(name);
    if (!link) throw noSuchDevice(name);
    return link.index;
  }

  /** Every device, in order of creation. */
  list(): { index: number; name: string }[] {
    return [...this.byIndex.values()].map(({ index, name }) => ({ index, name }));
  }

  async addTap(link: LinkGeneric, persist: boolean): Promise<void> {
    await this.add(link, 'tap', persist, undefined, undefined);
  }

  async addVxlan(link: LinkGeneric, vxlan: VxlanOptions): Promise<void> {
    let mtu: number | undefined;
    if (vxlan.dev !== undefined) {
      const lower = this.rtnetlink.link(vxlan.dev);
      if (!lower) throw noSuchDevice(vxlan.dev);
      mtu = lower.mtu - VXLAN_OVERHEAD;
    }
    await this.add(link, 'vxlan', false, new VxlanSockets(vxlan), link.mtu ?? mtu);
  }

  /** Takes a device away: its sockets, its TAP, its place. Filters must be gone already. */
  async remove(name: string): Promise<void> {
    const device = this.find(name);
    if (!device) throw noSuchDevice(name);
    await this.letGo(device);
  }

  /** Opens the sockets of a device that is about to be set up; throws CommandError where a port is taken. */
  async prepareUp(name: string): Promise<void> {
    const device = this.find(name);
    if (device) await this.openSockets(device);
  }

  /** Reads a device's state from the kernel now, instead of waiting to be told. */
  async refresh(name: string): Promise<void> {
    const device = this.find(name);
    if (!device || device.nsid !== undefined) return;
    await this.reread(device);
  }

  /** Removes everything that is not to stay. */
  async close(): Promise<void> {
    this.closed = true;
    await this.follower.close();
    await this.turn;
    for (const device of [...this.byIndex.values()]) await this.letGo(device);
    this.rtnetlink.close();
  }

  private find(name: string): Device | undefined {
    for (const device of this.byIndex.values()) if (device.name === name && device.nsid === undefined) return device;
    return undefined;
  }

  private hostHas(name: string): boolean {
    return this.rtnetlink.link(name) !== undefined;
  }

  private async add(
    generic: LinkGeneric,
    kind: 'tap' | 'vxlan',
    persist: boolean,
    sockets: VxlanSockets | undefined,
    mtu: number | undefined,
  ): Promise<void> {
    const { name } = generic;
    if (this.byIndex.size === MAX_DEVICES) throw new CommandError(`vtep: more than ${MAX_DEVICES} devices`, 2);
    const tap = this.openTap(name, persist);
    const [fd = -1] = tap.fds;
    const index = this.indices.next();
    try {
      const created = this.mustLink(tap.name);
      this.rtnetlink.setLink(created.index, {
        alias: MARK,
        ...(mtu === undefined ? {} : { mtu }),
        ...(generic.address === undefined ? {} : { address: generic.address }),
      });
      const link = this.mustLink(tap.name);
      this.datapath.counters.clearDevice(index);
      this.datapath.devices.add(index, kind === 'tap' ? DeviceKind.TAP : DeviceKind.VXLAN, link.index);
      this.datapath.devices.setReservedBits(index, VXLAN_RESERVED_HIGH, VXLAN_RESERVED_LOW);
      const device: Device = {
        index,
        kind,
        fd,
        persist,
        ifindex: link.index,
        name: tap.name,
        up: false,
        nsid: undefined,
        ...(sockets ? { sockets } : {}),
      };
      await this.datapath.apply({ type: 'port-open', device: index, fd, offloads: offloadBits(tap.offloads) });
      this.byIndex.set(index, device);
      await this.sync(device, link);
      if (generic.up === true) await this.setUp(device);
    } catch (error) {
      const device = this.byIndex.get(index);
      if (device) await this.letGo(device);
      else {
        this.datapath.devices.remove(index);
        this.indices.release(index);
        close(fd);
      }
      throw error;
    }
  }

  private openTap(name: string, persist: boolean): ReturnType<typeof openTap> {
    const existing = this.rtnetlink.link(name);
    const reclaim = existing !== undefined && existing.kind === 'tun' && existing.alias === MARK && !this.has(name);
    try {
      return openTap({ name, persist, reclaim, tunPath: this.options.tun });
    } catch (error) {
      if (error instanceof SystemError && error.errno === EEXIST) throw rtnetlinkAnswers('File exists');
      if (error instanceof SystemError && error.errno === EBUSY) throw rtnetlinkAnswers('Device or resource busy');
      throw error;
    }
  }

  private mustLink(name: string): Link {
    const link = this.rtnetlink.link(name);
    if (!link) throw noSuchDevice(name);
    return link;
  }

  private async setUp(device: Device): Promise<void> {
    await this.openSockets(device);
    this.rtnetlink.setLink(device.ifindex, { up: true });
    await this.refresh(device.name);
  }

  /** What the kernel says of a device, taken over; a vxlan device's sockets open and close with it. */
  private async sync(device: Device, link: Link): Promise<void> {
    const table = this.datapath.devices;
    device.name = link.name;
    table.setMtu(device.index, link.mtu);
    table.setMac(device.index, link.address);
    if (link.up === device.up) return;
    device.up = link.up;
    if (link.up) {
      try {
        await this.openSockets(device);
      } catch (error) {
        // Set up with the system's own `ip`, which had its answer already: take it back, and say why.
        device.up = false;
        this.options.log(`${device.name} stays down: ${error instanceof Error ? error.message : String(error)}`);
        this.rtnetlink.setLink(device.ifindex, { up: false });
        return;
      }
      table.setUp(device.index, true);
    } else {
      table.setUp(device.index, false);
      await this.closeSockets(device);
    }
  }

  private async openSockets(device: Device): Promise<void> {
    const { sockets } = device;
    if (!sockets || sockets.isOpen) return;
    let opened: ReturnType<VxlanSockets['open']>;
    try {
      opened = sockets.open();
    } catch (error) {
      if (error instanceof SystemError && error.syscall === 'bind') throw rtnetlinkAnswers(errnoText(error.errno));
      throw error;
    }
    await this.datapath.apply({ type: 'underlay-open', device: device.index, sockets: opened });
  }

  private async closeSockets(device: Device): Promise<void> {
    if (!device.sockets?.isOpen) return;
    await this.datapath.apply({ type: 'underlay-close', device: device.index });
    device.sockets.close();
  }

  /** A device leaves: the worker lets go of it first, then its descriptors are closed. */
  private async letGo(device: Device): Promise<void> {
    this.byIndex.delete(device.index);
    this.datapath.devices.remove(device.index);
    await this.closeSockets(device);
    await this.datapath.apply({ type: 'port-close', device: device.index });
    close(device.fd);
    this.indices.release(device.index);
  }

  // ---- what the kernel tells -----------------------------------------------------------------------------------

  private heard(event: LinkEvent): void {
    if (this.closed) return;
    if (event.type === 'lost') {
      for (const device of this.byIndex.values()) this.inTurn(() => this.reread(device));
      return;
    }
    const device = this.byLink(event.link, event.nsid);
    if (!device) return;
    switch (event.type) {
      case 'link':
        this.inTurn(() => this.reread(device));
        break;
      case 'moved':
        device.nsid = event.to.nsid;
        device.ifindex = event.to.index;
        this.options.log(`${device.name} moved to another network namespace; it goes on working there`);
        this.inTurn(() => this.reread(device));
        break;
      case 'gone':
        // The worker says so too, by the descriptor; this is only the earlier word.
        this.datapath.devices.setUp(device.index, false);
        break;
    }
  }

  private byLink(link: Link, nsid: number | undefined): Device | undefined {
    for (const device of this.byIndex.values()) {
      if (device.ifindex === link.index && device.nsid === nsid) return device;
    }
    return undefined;
  }

  /** Events tell that something changed; what it is now, the kernel says. */
  private async reread(device: Device): Promise<void> {
    if (!this.byIndex.has(device.index)) return;
    const link = this.rtnetlink.link(device.ifindex, device.nsid);
    if (link) await this.sync(device, link);
  }

  private inTurn(work: () => Promise<void>): void {
    this.turn = this.turn.then(work).catch((error: Error) => this.options.log(error.message));
  }

  private portGone(index: number, errno: number): void {
    const device = this.byIndex.get(index);
    if (!device) return;
    const why = errno === EBADFD ? 'it was deleted' : errnoText(errno);
    this.options.log(`${device.name} is gone: ${why}; frames for it are counted as tap-gone`);
    this.datapath.devices.setUp(index, false);
  }
}

/** What a TAP takes unfinished or unsegmented, as the coalescer wants to know it. */
function offloadBits(offloads: { tcp: boolean; udp: boolean }): number {
  const tcp = offloads.tcp ? OFFLOAD_CSUM | OFFLOAD_TSO4 | OFFLOAD_TSO6 : 0;
  return tcp | (offloads.udp ? OFFLOAD_USO4 | OFFLOAD_USO6 : 0);
}
