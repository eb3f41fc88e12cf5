/**
 * Interfaces of the host that are not vtep's and that mirred sends to. Each has the index of a device while an action
 * names it, and a socket of its own; what becomes of the interface is followed through rtnetlink, as for a TAP.
 */
import type { Datapath } from '../dataplane/datapath.js';
import { DeviceKind } from '../devices/device-table.js';
import { openPacketSocket, type PacketSocket } from '../io/packet/open-packet.js';
import type { Link } from '../io/rtnetlink/link.js';
import { CommandError } from '../iproute/commands.js';
import type { CounterSets } from '../memory/counter-sets.js';
import { MAX_DEVICES } from '../memory/counters.js';
import { EPERM, SystemError } from '../native/errno.js';
import { close } from '../native/libc.js';
import { OFFLOAD_CSUM, OFFLOAD_TSO4, OFFLOAD_TSO6, OFFLOAD_USO4, OFFLOAD_USO6 } from '../offload/offloads.js';
import type { DeviceIndices } from './device-indices.js';
import type { LinkSource, OutsideTargets } from './device-registry.js';

/** Bytes that may wait in the interface's queueing discipline, on account of one socket. */
const SEND_BUFFER = 8 * 1024 * 1024;

interface HostPort {
  readonly index: number;
  readonly ifindex: number;
  readonly socket: PacketSocket;
  name: string;
}

/** What is used of the datapath. */
export interface HostPortDatapath extends Pick<Datapath, 'apply' | 'devices'> {
  readonly counters: Pick<CounterSets, 'clearDevice'>;
}

export class HostPorts implements OutsideTargets {
  private readonly datapath: HostPortDatapath;
  private readonly links: LinkSource;
  private readonly indices: DeviceIndices;
  private readonly log: (line: string) => void;
  private readonly byIndex = new Map<number, HostPort>();
  private isSweepDue = false;

  constructor(datapath: HostPortDatapath, links: LinkSource, indices: DeviceIndices, log: (line: string) => void) {
    this.datapath = datapath;
    this.links = links;
    this.indices = indices;
    this.log = log;
  }

  /** Index of the port to this interface, opened where there is none yet. Throws CommandError where it cannot be. */
  targetOf(link: Link): number {
    const port = this.byLink(link.index) ?? this.open(link);
    // Whoever asks may hold it, but need not: a command may be refused for another word.
    this.sweepLater();
    return port.index;
  }

  /** Index of the port to the interface of this name, where there is one. */
  indexOf(name: string): number | undefined {
    const link = this.links.link(name);
    return link && this.byLink(link.index)?.index;
  }

  nameOf(index: number): string | undefined {
    return this.byIndex.get(index)?.name;
  }

  list(): readonly { readonly index: number; readonly name: string }[] {
    return [...this.byIndex.values()];
  }

  /** One action less sends to this index. */
  dropped(index: number): void {
    if (this.byIndex.has(index)) this.sweepLater();
  }

  /** The kernel told of an interface of this network namespace. */
  heard(link: Link, isGone: boolean): void {
    const port = this.byLink(link.index);
    if (!port) return;
    if (!isGone) {
      this.sync(port, link);
      return;
    }
    this.log(`${port.name}, which filters redirect to, is gone`);
    this.letGo(port);
  }

  /** Events were lost: reads every interface anew. */
  reread(): void {
    for (const port of this.byIndex.values()) {
      const link = this.links.link(port.ifindex);
      if (link) this.sync(port, link);
      else this.letGo(port);
    }
  }

  /** Closes all of them. */
  close(): void {
    for (const port of this.byIndex.values()) this.letGo(port);
  }

  private byLink(ifindex: number): HostPort | undefined {
    for (const port of this.byIndex.values()) if (port.ifindex === ifindex) return port;
    return undefined;
  }

  private open(link: Link): HostPort {
    if (link.address.length !== 6)
      throw new CommandError(`vtep: mirred to "${link.name}": only interfaces that carry Ethernet frames will do`, 2);
    const index = this.indices.next();
    if (index < 0) throw new CommandError(`vtep: more than ${MAX_DEVICES} devices`, 2);
    let socket: PacketSocket;
    try {
      socket = openPacketSocket(link.index, SEND_BUFFER);
    } catch (error) {
      this.indices.release(index);
      if (error instanceof SystemError && error.errno === EPERM)
        throw new CommandError(`vtep: mirred to "${link.name}", an interface of the host, needs CAP_NET_RAW`, 2);
      if (error instanceof SystemError) throw new CommandError(`vtep: mirred to "${link.name}": ${error.message}`, 2);
      throw error;
    }
    const port = { index, ifindex: link.index, socket, name: link.name };
    this.byIndex.set(index, port);
    this.datapath.counters.clearDevice(index);
    this.datapath.devices.add(index, DeviceKind.HOST, link.index);
    this.sync(port, link);
    const offloads =
      OFFLOAD_CSUM | OFFLOAD_TSO4 | OFFLOAD_TSO6 | (socket.udpSegmentation ? OFFLOAD_USO4 | OFFLOAD_USO6 : 0);
    // Before the rules that name it: instructions are carried out in their order.
    this.datapath.apply({ type: 'output-open', device: index, socket, offloads }).catch((error: Error) => {
      this.log(`${port.name}: ${error.message}`);
    });
    return port;
  }

  private sync(port: HostPort, link: Link): void {
    port.name = link.name;
    this.datapath.devices.setMtu(port.index, link.mtu);
    this.datapath.devices.setUp(port.index, link.up);
  }

  private sweepLater(): void {
    if (this.isSweepDue) return;
    this.isSweepDue = true;
    setImmediate(() => {
      this.isSweepDue = false;
      for (const port of this.byIndex.values()) if (!this.indices.isHeld(port.index)) this.letGo(port);
    });
  }

  /** Its index is another's only when no action sends there any more. */
  private letGo(port: HostPort): void {
    this.byIndex.delete(port.index);
    this.datapath.devices.remove(port.index);
    const closed = (): void => {
      close(port.socket.fd);
      this.indices.release(port.index);
    };
    // A worker that has ended uses it no more.
    this.datapath.apply({ type: 'output-close', device: port.index }).then(closed, closed);
  }
}
