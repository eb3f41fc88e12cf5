/** How devices come and go: the TAP on the host, the place in the tables, and what goes with a vxlan device. */
import type { Datapath } from '../dataplane/datapath.js';
import { DeviceKind, VxlanMode } from '../devices/device-table.js';
import type { Rtnetlink } from '../io/rtnetlink/client.js';
import { closeTap, missingOffload } from '../io/tap/open-tap.js';
import { CommandError, type LinkGeneric, type VxlanOptions } from '../iproute/commands.js';
import { MAX_DEVICES } from '../memory/counters.js';
import type { Device, DeviceRegistry, MirrorTap } from './device-registry.js';
import type { Forwarding } from './forwarding.js';
import { settingsOf } from './host-links.js';
import type { HostQueues } from './host-queues.js';
import type { HostSide } from './host-side.js';
import type { LinkWatch } from './link-watch.js';
import type { LowerFollower } from './lower-follower.js';
import type { MirrorReceivers } from './mirror-receivers.js';
import type { MtuFollower } from './mtu-follower.js';
import type { NeighbourTable } from './neighbour-table.js';
import { isHeld, isReclaimable, MARK, mirrorMark, mirrorOffloads, offloadBits, placesAt } from './own-tap.js';
import type { QuietLinks } from './quiet-link.js';
import { answerOf, noSuchDevice, rtnetlinkAnswers } from './refusal.js';
import type { StrictPeers } from './strict-peers.js';
import type { UpAndDown } from './up-and-down.js';
import { vxlanHeaders } from './vxlan-headers.js';
import { underlayMtu, vxlanMtu } from './vxlan-mtu.js';
import { type VxlanParts, vxlanMode } from './vxlan-parts.js';

/** Bytes of a receiver's MTU where nothing is said: mirrored frames are as long as those of the links they come from. */
const MIRROR_MTU = 9216;

/** What a device has to do with. */
export interface DeviceMakerAround {
  readonly datapath: Datapath;
  readonly host: HostSide;
  readonly rtnetlink: Rtnetlink;
  readonly registry: DeviceRegistry;
  readonly hostQueues: HostQueues;
  readonly parts: VxlanParts;
  readonly forwarding: Forwarding;
  readonly neighbours: NeighbourTable;
  readonly mirrors: MirrorReceivers;
  readonly upDown: UpAndDown;
  readonly mtus: MtuFollower;
  readonly lowers: LowerFollower;
  readonly watch: LinkWatch;
  readonly quiet: QuietLinks;
  /** Is told of devices; absent: anybody may send to them. */
  strictPeers(): StrictPeers | undefined;
  /** Reads what the kernel says of a device. */
  reread(device: Device): Promise<void>;
  log(line: string): void;
  logOnce?(line: string): void;
}

export class DeviceMaker {
  private readonly around: DeviceMakerAround;

  constructor(around: DeviceMakerAround) {
    this.around = around;
  }

  /** Makes a vxlan device; `own` is the index to have, where it is the caller's. Throws CommandError. */
  async makeVxlan(link: LinkGeneric, persist: boolean, vxlan: VxlanOptions, own?: number): Promise<void> {
    const found = vxlan.anyVni === true ? undefined : underlayMtu(this.around.rtnetlink, vxlan);
    // A TAP that stands from before may have routes already, back into itself.
    const underlay = found?.lower === link.name ? undefined : found;
    const mtu = vxlan.anyVni === true ? (link.mtu ?? MIRROR_MTU) : vxlanMtu(link.mtu, underlay);
    const device = await this.add({ ...link, ...(mtu === undefined ? {} : { mtu }) }, 'vxlan', persist, vxlan, own);
    this.around.mtus.begin(device, underlay, link.mtu, mtu);
    this.around.mirrors.configure(device, vxlan);
  }

  /** Makes a device with its TAP; throws CommandError and leaves nothing behind. */
  async add(
    generic: LinkGeneric,
    kind: 'tap' | 'vxlan',
    persist: boolean,
    vxlan: VxlanOptions | undefined,
    /** The index to have, which stays the caller's. */
    own?: number,
    mirror?: MirrorTap,
  ): Promise<Device> {
    const existing = this.around.rtnetlink.link(generic.name);
    const reclaim = existing !== undefined && isReclaimable(this.around.registry, existing);
    const details = reclaim ? this.around.rtnetlink.linkDetails(existing.index) : undefined;
    if (details && isHeld(details)) throw rtnetlinkAnswers('Device or resource busy');
    // Of mirrored traffic there may be many, and what the host sends there goes nowhere: one queue will do.
    const { workers } = this.around.datapath;
    const tap = this.around.host.openFace({ name: generic.name, persist, reclaim, queues: mirror ? 1 : workers });
    const missing = tap.port ? undefined : missingOffload(tap.offloads);
    if (missing !== undefined) this.around.logOnce?.(missing);
    const [fd = -1] = tap.fds;
    const index = own ?? this.around.registry.takeIndex(generic.name);
    if (index < 0) {
      closeTap(tap);
      throw new CommandError(`vtep: more than ${MAX_DEVICES} devices`, 2);
    }
    const device: Device = {
      index,
      kind,
      fd,
      fds: tap.fds,
      persist,
      ifindex: 0,
      name: tap.name,
      madeAs: tap.name,
      nsid: undefined,
      isNew: existing === undefined,
      isRising: false,
      isGone: false,
      ...(vxlan ? { vxlan } : {}),
      ...(mirror ? { mirror } : {}),
    };
    if (vxlan) this.around.parts.equip(device, vxlan);
    try {
      const created = this.around.rtnetlink.link(tap.name);
      if (!created) throw noSuchDevice(tap.name);
      this.around.rtnetlink.setLink(created.index, {
        alias: mirror ? mirrorMark(this.around.registry.nameOf(mirror.of), mirror.vni) : MARK,
        ...settingsOf(generic),
      });
      const receiver = mirror ? this.around.registry.get(mirror.of)?.vxlan : vxlan?.anyVni === true ? vxlan : undefined;
      if (receiver) this.around.quiet.silence(created.index, tap.name);
      device.ifindex = created.index;
      this.around.registry.add(device);
      if (own === undefined) this.around.datapath.counters.clearDevice(index);
      this.around.hostQueues.begin(device);
      this.around.datapath.devices.add(index, kind === 'tap' ? DeviceKind.TAP : DeviceKind.VXLAN, created.index);
      if (vxlan) {
        this.around.datapath.devices.setHeaders(index, vxlanHeaders(vxlan));
        this.around.datapath.devices.setVxlan(index, vxlanMode(vxlan), vxlan.id ?? 0);
        this.around.forwarding.begin(device);
        this.around.strictPeers()?.touch(index);
        this.around.neighbours.devicesChanged();
      }
      if (mirror) this.around.datapath.devices.setVxlan(index, VxlanMode.MIRROR, mirror.vni);
      const bits = offloadBits(tap.offloads);
      const offloads = receiver ? mirrorOffloads(bits, receiver) : bits;
      if (tap.port) await this.around.datapath.apply({ type: 'port-give', device: index, port: tap.port });
      else
        await this.around.datapath.apply({
          type: 'port-open',
          device: index,
          queues: placesAt(tap, workers),
          offloads,
        });
      if (generic.up === true) await this.around.upDown.setUp(device);
      await this.around.reread(device);
      return device;
    } catch (error) {
      await this.letGo(device, persist && !device.isNew, own !== undefined);
      throw answerOf(error);
    }
  }

  /**
   * A device leaves: the worker lets go of it first, then its descriptors are closed, and its TAP goes unless it is to
   * stay. Its index is another's only when no action sends there any more.
   */
  async letGo(device: Device, stays: boolean, keepsIndex = false): Promise<void> {
    const { index } = device;
    this.around.mirrors.end(device);
    if (device.vxlan) this.around.forwarding.end(device);
    device.filter?.clear();
    this.around.registry.delete(device);
    this.around.watch.gone(index);
    this.around.mtus.end(device);
    this.around.lowers.end(device);
    this.around.datapath.devices.remove(index);
    this.around.strictPeers()?.removed(index);
    try {
      await this.around.strictPeers()?.settle();
      await device.sockets?.close();
      await this.around.datapath.apply({ type: 'port-close', device: index });
    } catch (error) {
      // A worker that has ended uses neither.
      this.around.log(`${device.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
    this.around.host.closeFace(device, stays);
    if (!keepsIndex) this.around.registry.indices.release(index);
  }
}
