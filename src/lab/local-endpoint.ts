/**
 * A whole endpoint in one place, without a host: devices, rules and tables as a batch file makes them, over an engine
 * that is given packets by hand. What comes out is kept until it is taken. Time is what it is said to be, so that the
 * same packets come to the same end each time.
 */
import type { CustomActions } from '../actions/deferred.js';
import type { ClassifierTable } from '../classifier/classifier.js';
import { type ClassifierKind, createTable } from '../classifier/create-table.js';
import { type DesiredState, readDesired } from '../control/desired-state.js';
import { adoptTable, type TableDevice, type TableState } from '../control/device-tables.js';
import { Forwarding } from '../control/forwarding.js';
import { splitLinkSet } from '../control/link-set-words.js';
import { VniFilter, VniRows } from '../control/vni-filter.js';
import { vxlanHeaders } from '../control/vxlan-headers.js';
import { vxlanMode } from '../control/vxlan-parts.js';
import { familiesOf, sharesSocket } from '../control/vxlan-sockets.js';
import { LocalDatapath } from '../dataplane/local-datapath.js';
import { DeviceKind } from '../devices/device-table.js';
import { FakePort } from '../io/fake/fake-port.js';
import { segmentsOf } from '../io/fake/fake-underlay.js';
import { parseMac } from '../iproute/address.js';
import type { LinkGeneric, VxlanOptions } from '../iproute/commands.js';
import { type Clock, SetClock } from '../memory/clock.js';
import { LocalDevices } from './local-devices.js';
import { outerPacket } from './outer-packet.js';
import { PacketUnderlay } from './packet-underlay.js';

export interface LocalOptions {
  /** Interfaces of the host that rules may send to. */
  readonly hosts?: Iterable<string>;
  /** Which classifier finds the rules. */
  readonly classifier?: ClassifierKind;
  /** What chance begins with: any 32 bits but 0. */
  readonly seed?: number;
  /** Makes the tables that rules are kept in; absent: those of `classifier`. */
  readonly newTable?: () => ClassifierTable;
  /** Makes the datapath, for whoever watches it. */
  readonly newDatapath?: (clock: Clock, seed: number) => LocalDatapath;
  /** What time it is when the lines are read: milliseconds since the epoch. */
  readonly start?: number;
}

/** Something that has left the endpoint. */
export interface Output {
  /** Of the device that it left by. */
  readonly device: string;
  /** A frame for the host, or a whole outer IP packet. */
  readonly kind: 'frame' | 'packet';
  readonly bytes: Uint8Array;
}

export interface LocalDevice extends TableDevice {
  readonly index: number;
  readonly name: string;
  readonly kind: 'vxlan' | 'tap' | 'host';
  readonly port: FakePort;
  readonly up: boolean;
}

/** What the lines of a file make of a link. */
export interface LinkSettings {
  readonly name: string;
  readonly mtu: number;
  readonly address: Uint8Array;
  readonly up: boolean;
}

/** The Ethernet MTU, which devices have where no line says another. */
const DEFAULT_MTU = 1500;

/** Actions that are functions of another process: frames go on behind them, as they came. */
const NO_FUNCTIONS: CustomActions = { run: () => undefined };

export class LocalEndpoint {
  readonly datapath: LocalDatapath;
  readonly state: DesiredState;
  /** In the order in which the file made them; interfaces of the host behind them. */
  readonly devices: ReadonlyMap<string, LocalDevice>;
  private readonly clock: SetClock;
  private readonly forwarding: Forwarding;
  /** By the index of the device. */
  private readonly underlays = new Map<number, PacketUnderlay>();
  /** Devices whose underlays receive: of those that share a port, the first. */
  private readonly receivers: number[] = [];

  private constructor(datapath: LocalDatapath, state: DesiredState, present: LocalDevices, clock: SetClock) {
    this.clock = clock;
    this.datapath = datapath;
    this.state = state;
    datapath.engine.setCoalescing(false);
    datapath.engine.setCustomActions(NO_FUNCTIONS);
    const devices = new Map<string, LocalDevice>();
    this.devices = devices;
    this.forwarding = new Forwarding(datapath.fdb, {
      device: (index) => [...devices.values()].find((device) => device.index === index),
      links: { link: () => undefined },
    });
    // Nothing ages by the machine's clock.
    this.forwarding.close();
    for (const [name, { index, making, table }] of state.devices.wanted) {
      const vxlan = making.kind === 'link-add-vxlan' ? making.vxlan : undefined;
      devices.set(name, this.addDevice(index, settingsOf(state, making.link), vxlan, table?.state));
    }
    for (const [name, index] of present.outputs) devices.set(name, this.addHost(index, name));
    this.shareUnderlays();
  }

  /** Reads the lines of a batch file. Throws CommandError, which names the line by `name`. */
  static async from(text: string, name: string, options: LocalOptions = {}): Promise<LocalEndpoint> {
    const { hosts = [], classifier = 'tuple-space', seed = 1, start = 0 } = options;
    const clock = new SetClock(start);
    const { newDatapath = (...parts) => new LocalDatapath(...parts), newTable = () => createTable(classifier) } =
      options;
    const datapath = newDatapath(clock, seed);
    const present = new LocalDevices(hosts);
    const state = await readDesired(text, name, present, newTable, datapath);
    const endpoint = new LocalEndpoint(datapath, state, present, clock);
    await state.rules.commit();
    return endpoint;
  }

  /** Sets the clock: milliseconds since the epoch, with a fraction. It never goes back. */
  setTime(time: number): void {
    this.clock.now = Math.max(this.clock.now, time);
  }

  /** IPv4 or IPv6 packets come in from the underlay, at once; false where none is for a device that is up. */
  receive(...packets: readonly Uint8Array[]): boolean {
    let isTaken = false;
    for (const index of this.receivers) {
      if (packets.filter((packet) => this.underlays.get(index)?.give(packet)).length === 0) continue;
      isTaken = true;
      while (this.datapath.engine.serviceUnderlay(index, 0) > 0);
    }
    return isTaken;
  }

  /** The host sends a frame on a device. A device that is down takes none. */
  send(device: LocalDevice, frame: Uint8Array): void {
    if (!device.up) return;
    device.port.incoming.push({ bytes: frame });
    do this.datapath.engine.servicePort(device.index);
    while (device.port.incoming.length > 0);
  }

  /** From now on frames are merged for ports that take so much (bits as the coalescer's). */
  merge(offloads: number): void {
    const { engine } = this.datapath;
    engine.setCoalescing(true);
    for (const { index, port } of this.devices.values()) engine.setPort(index, port, offloads);
  }

  /** Packets of one batch: from the underlay, or frames that the host sends on a device. */
  arriveTogether(from: LocalDevice | undefined, packets: readonly Uint8Array[]): void {
    const { engine } = this.datapath;
    if (from) {
      if (!from.up) return;
      for (const bytes of packets) from.port.incoming.push({ bytes });
      do engine.servicePort(from.index);
      while (from.port.incoming.length > 0);
      return;
    }
    for (const index of this.receivers) for (const packet of packets) this.underlays.get(index)?.give(packet);
    for (const index of this.receivers) while (engine.serviceUnderlay(index, 0) > 0);
  }

  /** What has come out since the last call, by device. */
  takeOutput(): Output[] {
    const output: Output[] = [];
    for (const { name: device, index, port, vxlan } of this.devices.values()) {
      const underlay = this.underlays.get(index);
      for (const { bytes } of port.written.splice(0)) output.push({ device, kind: 'frame', bytes });
      for (const sent of underlay?.sent.splice(0) ?? []) {
        for (const bytes of segmentsOf(sent)) {
          output.push({ device, kind: 'packet', bytes: outerPacket(sent, bytes, vxlan) });
        }
      }
    }
    return output;
  }

  private addDevice(
    index: number,
    { name, mtu, address, up }: LinkSettings,
    vxlan: VxlanOptions | undefined,
    table: TableState | undefined,
  ): LocalDevice {
    const { devices, engine, arena } = this.datapath;
    const port = new FakePort(arena);
    devices.add(index, vxlan ? DeviceKind.VXLAN : DeviceKind.TAP, index + 1);
    devices.setMtu(index, mtu);
    devices.setMac(index, address);
    engine.setPort(index, port, 0);
    if (!vxlan) {
      devices.setUp(index, up);
      return { index, name, kind: 'tap', port, up };
    }
    const device: LocalDevice & { filter?: VniFilter } = { index, name, kind: 'vxlan', port, up, vxlan };
    devices.setHeaders(index, vxlanHeaders(vxlan));
    devices.setVxlan(index, vxlanMode(vxlan), vxlan.id ?? 0);
    this.forwarding.begin(device);
    if (vxlan.vnifilter === true) device.filter = this.filterOf(device);
    if (table) adoptTable(this.forwarding, device, table);
    devices.setUp(index, up);
    if (up) {
      this.forwarding.open(device);
      this.openUnderlay(device, vxlan);
    }
    return device;
  }

  private addHost(index: number, name: string): LocalDevice {
    const { devices, engine, arena } = this.datapath;
    const port = new FakePort(arena);
    devices.add(index, DeviceKind.HOST, index + 1);
    devices.setUp(index, true);
    engine.setPort(index, port, 0);
    return { index, name, kind: 'host', port, up: true };
  }

  private filterOf(device: LocalDevice): VniFilter {
    return new VniFilter(new VniRows([this.datapath.vniCounters]), {
      isInUse: () => false,
      redirect: (vni, before, after) => this.forwarding.redirect(device, vni, before, after),
      join: () => undefined,
      leave: () => undefined,
    });
  }

  private openUnderlay({ index }: LocalDevice, vxlan: VxlanOptions): void {
    const { local, dstport, udp6zerocsumrx } = vxlan;
    const underlay = new PacketUnderlay(this.datapath.arena, {
      port: dstport,
      families: familiesOf(vxlan),
      zeroChecksum6: udp6zerocsumrx,
      ...(local && !sharesSocket(vxlan) && { local }),
    });
    this.underlays.set(index, underlay);
    this.datapath.engine.underlays.open(index, underlay);
    this.datapath.engine.underlays.use(index, index);
  }

  /** Has the devices that would have one socket in the kernel share one underlay, by VNI. */
  private shareUnderlays(): void {
    const groups = new Map<string, LocalDevice[]>();
    for (const device of this.devices.values()) {
      const { vxlan } = device;
      if (!vxlan || !this.underlays.has(device.index)) continue;
      const key = sharesSocket(vxlan) ? `${vxlan.dstport} ${familiesOf(vxlan)}` : `device ${device.index}`;
      groups.set(key, [...(groups.get(key) ?? []), device]);
    }
    for (const group of groups.values()) {
      const [owner] = group;
      if (!owner?.vxlan) continue;
      this.receivers.push(owner.index);
      const takers = group.flatMap(({ index, vxlan, filter }) =>
        (filter?.taken ?? [[vxlan?.id ?? 0, -1]]).flatMap(([vni = 0, row = -1]) => [vni, index, row]),
      );
      const isShared = sharesSocket(owner.vxlan);
      this.datapath.engine.underlays.serve(owner.index, owner.index, isShared ? Int32Array.from(takers) : undefined);
    }
  }
}

/** A link as the line that makes it says, and the lines about it that come later. */
export function settingsOf({ host }: DesiredState, link: LinkGeneric): LinkSettings {
  let { mtu = DEFAULT_MTU, address, up = false } = link;
  for (const { command } of host) {
    if (command.kind !== 'link-set' || command.name !== link.name) continue;
    up = command.up ?? up;
    const settings = splitLinkSet(command.argv)?.settings;
    mtu = Number(settings?.get('mtu') ?? mtu);
    address = parseMac(settings?.get('address') ?? '') ?? address;
  }
  return { name: link.name, mtu, up, address: address ?? macOf(link.name) };
}

/** A local address that is the same for a name each time. */
function macOf(name: string): Uint8Array {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(name)) hash = Math.imul(hash ^ byte, 0x01000193);
  return Uint8Array.of(2, 0, hash >>> 24, hash >>> 16, hash >>> 8, hash);
}
