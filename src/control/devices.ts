/**
 * The devices of a daemon: TAPs and vxlan devices, each with its face on the host. The kernel is the authority over
 * what people see and change there (name, MTU, MAC, up or down, namespace): this follows, through rtnetlink.
 */
import type { Datapath } from '../dataplane/datapath.js';
import { DeviceKind, VxlanMode } from '../devices/device-table.js';
import type { Rtnetlink } from '../io/rtnetlink/client.js';
import type { LinkFollower } from '../io/rtnetlink/follower.js';
import { closeTap, missingOffload } from '../io/tap/open-tap.js';
import type { UnderlayParts } from '../io/underlay-parts.js';
import { CommandError, type LinkGeneric, type VxlanChanges, type VxlanOptions } from '../iproute/commands.js';
import { MAX_DEVICES } from '../memory/counters.js';
import { ReasonNames } from '../memory/reason-names.js';
import type { Identity } from '../native/credentials.js';
import { EPERM, SystemError } from '../native/errno.js';
import { DeviceAdmission } from './device-admission.js';
import { DeviceNews } from './device-news.js';
import { type Device, DeviceRegistry, ELSEWHERE, isHere, type MirrorTap } from './device-registry.js';
import { EventLog, type EventSink } from './events.js';
import { tellFdb } from './fdb-events.js';
import { Forwarding } from './forwarding.js';
import { HostLinks, settingsOf } from './host-links.js';
import { HostPorts } from './host-ports.js';
import { HostQueues } from './host-queues.js';
import { type HostSide, KernelHost } from './host-side.js';
import { LinkWatch } from './link-watch.js';
import { LowerFollower } from './lower-follower.js';
import { MirrorReceivers } from './mirror-receivers.js';
import { MtuFollower } from './mtu-follower.js';
import { NeighbourTable } from './neighbour-table.js';
import { isHeld, isReclaimable, MARK, mirrorMark, mirrorOffloads, offloadBits, placesAt } from './own-tap.js';
import { QuietLinks } from './quiet-link.js';
import { answerOf, noSuchDevice, rtnetlinkAnswers } from './refusal.js';
import { RouteLoops } from './route-loops.js';
import type { StrictPeers } from './strict-peers.js';
import { TableEdits } from './table-edits.js';
import { Turns } from './turns.js';
import { UnderlayPool } from './underlay-pool.js';
import { UpAndDown } from './up-and-down.js';
import { VniRows } from './vni-filter.js';
import { vxlanHeaders } from './vxlan-headers.js';
import { type UnderlayMtu, underlayMtu, vxlanMtu } from './vxlan-mtu.js';
import { VxlanParts, vxlanMode } from './vxlan-parts.js';

/** Bytes of a receiver's MTU where nothing is said: mirrored frames are as long as those of the links they come from. */
const MIRROR_MTU = 9216;

export interface DevicesOptions {
  readonly tun: string;
  readonly log: (line: string) => void;
  /** The same for what is said once, however often it is found. */
  readonly logOnce?: (line: string) => void;
  /** A device has vanished from the host: called once, to have its filters removed and then it (`remove`). */
  readonly vanished: (index: number) => void;
  /** Who is told of what becomes of links. */
  readonly events?: EventSink;
  /** Where devices have their faces; the kernel's, where nothing is said. */
  readonly host?: HostSide;
}

/** Makes, sets up and removes devices. */
export class Devices {
  private readonly datapath: Datapath;
  private readonly options: DevicesOptions;
  private readonly host: HostSide;
  private readonly rtnetlink: Rtnetlink;
  private readonly follower: Pick<LinkFollower, keyof LinkFollower>;
  /** Which devices there are, for whoever names one. */
  readonly registry: DeviceRegistry;
  /** Where the frames of vxlan devices go. */
  readonly forwarding: Forwarding;
  private readonly underlays: UnderlayPool;
  private readonly neighbours: NeighbourTable;
  private readonly hostQueues: HostQueues;
  private readonly watch: LinkWatch;
  private readonly mtus: MtuFollower;
  private readonly lowers: LowerFollower;
  /** Interfaces of the host that mirred sends to. */
  readonly hostPorts: HostPorts;
  /** What changes devices takes turns: commands, and what the kernel tells of. */
  private readonly turns = new Turns();
  /** Which devices may be made, and changed to what. */
  readonly admission: DeviceAdmission;
  /** Why frames end elsewhere than where they were sent, as this endpoint tells it. */
  readonly reasons = new ReasonNames();
  /** The devices as links of the host. */
  readonly links: HostLinks;
  /** Their forwarding tables and VNI filters, for whoever edits them. */
  readonly tables: TableEdits;
  /** Up and down, with the sockets of vxlan devices. */
  readonly upDown: UpAndDown;
  private readonly parts: VxlanParts;
  /** The TAPs of mirror receivers. */
  readonly mirrors: MirrorReceivers;
  /** Destinations that lead back to where they are named. */
  readonly loops: RouteLoops;
  private readonly quiet: QuietLinks;
  /** Is told of devices that are new, changed or gone; absent: anybody may send to them. */
  strictPeers: StrictPeers | undefined;
  private closed = false;

  constructor(datapath: Datapath, options: DevicesOptions) {
    this.datapath = datapath;
    this.host = options.host ?? new KernelHost(options.tun);
    this.rtnetlink = this.host.links;
    this.registry = new DeviceRegistry(this.rtnetlink);
    this.admission = new DeviceAdmission(this.registry, this.rtnetlink);
    this.hostQueues = new HostQueues(datapath.counters);
    this.underlays = new UnderlayPool(datapath, (vxlan) => this.host.openUnderlay?.(vxlan));
    const vniRows = new VniRows(datapath.vniCounters);
    this.forwarding = new Forwarding(datapath.fdb, {
      device: (index) => this.registry.get(index),
      links: this.rtnetlink,
    });
    this.neighbours = new NeighbourTable({
      devices: () => this.registry.list(),
      neighbours: () => this.rtnetlink.neighbours(),
      apply: (neighbours) => datapath.apply({ type: 'neighbours', neighbours }),
      follow: () => this.follower.followNeighbours(),
      log: options.log,
    });
    datapath.on('fdb-notices', () => this.forwarding.upkeep.hear());
    this.options = options;
    const events = options.events ?? new EventLog();
    this.forwarding.onChange = (change) => tellFdb(events, change);
    this.watch = new LinkWatch(events, (index) => this.links.state(this.registry.get(index)));
    this.mtus = new MtuFollower(this.rtnetlink, {
      mtu: ({ ifindex }) => this.rtnetlink.link(ifindex)?.mtu,
      setMtu: (device, mtu) => this.setMtu(device, mtu),
      followRoutes: () => this.follower.followRoutes(),
      log: options.log,
    });
    this.hostPorts = new HostPorts(datapath, this.rtnetlink, this.registry.indices, options.log);
    this.registry.outside = this.hostPorts;
    const { registry, rtnetlink, forwarding, turns, neighbours, hostPorts, mtus } = this;
    const { underlays } = this;
    const { log, logOnce } = options;
    this.parts = new VxlanParts({
      links: rtnetlink,
      registry,
      forwarding,
      underlays,
      vniRows,
      log,
      ...(logOnce && { logOnce }),
    });
    this.tables = new TableEdits(registry, forwarding, vniRows, rtnetlink, turns);
    this.upDown = new UpAndDown({
      registry,
      forwarding,
      turns,
      table: datapath.devices,
      setLink: (ifindex, up) => rtnetlink.setLink(ifindex, { up }),
      log: options.log,
    });
    this.links = new HostLinks({
      rtnetlink,
      registry,
      turns,
      counters: datapath.counters.sets,
      reread: (device) => this.reread(device),
    });
    const later = (work: () => Promise<void>): void => {
      turns.take(work).catch((error: Error) => options.log(error.message));
    };
    this.lowers = new LowerFollower({
      links: rtnetlink,
      devices: () => registry.list(),
      lowerIndex: (device) => forwarding.remotes.lowerIndex(device),
      later,
      leave: ({ sockets }) => sockets?.leaveGroups(),
      stand: (device) => {
        forwarding.findLower(device);
        device.sockets?.joinGroups();
        this.followMtu(device);
      },
      configure: (device, changed) => this.configure(device, changed),
      log: options.log,
    });
    const news = new DeviceNews({
      links: rtnetlink,
      registry,
      neighbours,
      hostPorts,
      mtus,
      lowers: this.lowers,
      canReclaim: (link) => isReclaimable(registry, link),
      later,
      reread: (device) => this.reread(device),
      followMtu: (device) => this.followMtu(device),
      changed: ({ index }) => this.watch.changed(index),
      vanish: (device, why) => this.vanish(device, why),
      log: options.log,
    });
    this.loops = new RouteLoops({
      route: (destination) => rtnetlink.route(destination),
      isUp: ({ index }) => datapath.devices.isUp(index),
      now: () => performance.now(),
    });
    this.quiet = new QuietLinks((ifindex, changes) => rtnetlink.setLink(ifindex, changes), options.log);
    this.mirrors = new MirrorReceivers({
      device: (index) => registry.get(index),
      counters: datapath.counters.sets,
      events,
      make: (receiver, name, mirror) => this.addMirrorTap(receiver, name, mirror),
      dismiss: (tap) => this.dismiss(tap),
      mtu: ({ index }) => datapath.devices.mtu(index),
      setMtu: (tap, mtu) => {
        if (isHere(tap)) this.setMtu(tap, mtu);
      },
      apply: (instruction) => datapath.apply(instruction),
      log: options.log,
      now: () => performance.now(),
    });
    datapath.on('mirror-wanted', (wanted) => this.mirrors.wanted(wanted));
    this.follower = this.host.follow((event) => {
      if (!this.closed) news.heard(event);
    });
    this.follower.closed.catch((error: Error) => options.log(`links are no longer followed: ${error.message}`));
    datapath.on('port-gone', (device, errno) => news.portGone(device, errno));
  }

  /** Throws CommandError and leaves nothing behind. */
  addTap(link: LinkGeneric, persist: boolean): Promise<void> {
    return this.turns.take(async () => {
      await this.add(link, 'tap', persist, undefined);
    });
  }

  /** Throws CommandError and leaves nothing behind. */
  addVxlan(link: LinkGeneric, vxlan: VxlanOptions): Promise<void> {
    return this.turns.take(async () => {
      this.admission.checkVxlan(link.name, vxlan);
      await this.makeVxlan(link, false, vxlan);
    });
  }

  private addMirrorTap(receiver: Device, name: string, mirror: MirrorTap): Promise<Device> {
    return this.turns.take(async () => {
      if (this.closed || this.registry.get(receiver.index) !== receiver) throw noSuchDevice(receiver.name);
      const mtu = this.datapath.devices.mtu(receiver.index);
      return this.add({ name, mtu, up: true }, 'tap', false, undefined, undefined, mirror);
    });
  }

  private async makeVxlan(link: LinkGeneric, persist: boolean, vxlan: VxlanOptions, own?: number): Promise<void> {
    const found = vxlan.anyVni === true ? undefined : underlayMtu(this.rtnetlink, vxlan);
    // A TAP that stands from before may have routes already, back into itself.
    const underlay = found?.lower === link.name ? undefined : found;
    const mtu = vxlan.anyVni === true ? (link.mtu ?? MIRROR_MTU) : vxlanMtu(link.mtu, underlay);
    const device = await this.add({ ...link, ...(mtu === undefined ? {} : { mtu }) }, 'vxlan', persist, vxlan, own);
    this.mtus.begin(device, underlay, link.mtu, mtu);
    this.mirrors.configure(device, vxlan);
  }

  /** Changes options of a vxlan device; throws CommandError, in the kernel's words, and has changed nothing then. */
  changeVxlan(name: string, changes: VxlanChanges): Promise<void> {
    return this.turns.take(async () => {
      const device = this.registry.find(name);
      const options = this.admission.changed(name, device?.vxlan, changes);
      if (!device) return;
      if (changes.remote !== undefined && options.dev === undefined) this.loops.refuse(device, options.remote, 0, 2);
      await this.configure(device, options);
    });
  }

  /** Gives a vxlan device options that `admission` has checked; throws CommandError where its sockets cannot. */
  configureVxlan(index: number, options: VxlanOptions): Promise<void> {
    return this.turns.take(async () => {
      const device = this.registry.get(index);
      if (device) await this.configure(device, options);
    });
  }

  private async configure(device: Device, options: VxlanOptions): Promise<void> {
    await device.sockets?.change(device.index, options);
    const before = device.vxlan;
    device.vxlan = options;
    this.strictPeers?.touch(device.index);
    this.datapath.devices.setVxlan(device.index, vxlanMode(options), options.id ?? 0);
    if (before) {
      this.forwarding.change(device, before);
      device.filter?.changeDefault(before, options);
    }
    this.datapath.devices.setHeaders(device.index, vxlanHeaders(options));
    this.followMtu(device);
    this.mirrors.configure(device, options);
    this.watch.changed(device.index);
  }

  /** Brings up to date what the kernel keeps: counters of queues, and the neighbours that a proxy answers for. */
  async refreshCounters(): Promise<void> {
    this.hostQueues.refresh(this.registry.list());
    await this.neighbours.settle();
    await this.datapath.apply({ type: 'count-overflows' });
  }

  /** An earlier endpoint had counted so many frames that the kernel dropped on their way into a TAP. */
  restoreHostQueue(index: number, packets: number): void {
    this.hostQueues.restore(index, packets);
  }

  /** Takes a device away: its sockets, its TAP, its place. Filters must be gone already. */
  remove(index: number): Promise<void> {
    return this.turns.take(async () => {
      const device = this.registry.get(index);
      if (device) await this.letGo(device, false);
    });
  }

  /** Takes a device away that a transaction has made; a TAP that stood before stays. Filters must be gone already. */
  takeBack(index: number): Promise<void> {
    return this.turns.take(async () => {
      const device = this.registry.get(index);
      if (device) await this.letGo(device, device.persist && !device.isNew);
    });
  }

  /** Makes a device anew in its place: rules that name it stay. Where that is refused there is none in its place. */
  remake(index: number, link: LinkGeneric, persist: boolean, vxlan: VxlanOptions | undefined): Promise<void> {
    return this.turns.take(async () => {
      const device = this.registry.get(index);
      if (device) await this.letGo(device, false, true);
      if (vxlan) await this.makeVxlan(link, persist, vxlan, index);
      else await this.add(link, 'tap', persist, undefined, index);
    });
  }

  /** Reads a device's state from the kernel now, instead of waiting to be told. */
  refresh(index: number): Promise<void> {
    return this.turns.take(async () => {
      const device = this.registry.get(index);
      if (!device) return;
      device.isRising = false;
      await this.reread(device);
    });
  }

  /** The sockets that are open, for whoever looks at the endpoint's health. */
  get underlayParts(): UnderlayParts[] {
    return this.underlays.parts;
  }

  /** Processes beside this one become another user. */
  confine(identity: Identity): Promise<void> {
    return this.turns.take(() => this.underlays.confine(identity));
  }

  /** Index of an interface of the host; 0: there is none of that name. */
  ifindexOf(name: string): number {
    return this.rtnetlink.link(name)?.index ?? 0;
  }

  /** What a vxlan device stands on; undefined where nothing tells. */
  underlayOf({ vxlan }: Device): UnderlayMtu | undefined {
    try {
      return vxlan && underlayMtu(this.rtnetlink, vxlan);
    } catch (error) {
      if (error instanceof CommandError) return undefined; // its lower device has gone
      throw error;
    }
  }

  /** To be called before somebody listens: what there is then is no news. */
  beginWatching(): void {
    this.watch.begin(this.registry.list().map(({ index }) => index));
  }

  /** Removes everything that is not to stay: persistent TAPs stay, except, with `undo`, those that are new. */
  async close(undo: boolean): Promise<void> {
    this.closed = true;
    this.mirrors.close();
    this.forwarding.close();
    this.neighbours.close();
    await this.follower.close();
    await this.turns.take(async () => {
      for (const device of this.registry.list()) await this.letGo(device, device.persist && !(undo && device.isNew));
      this.hostPorts.close();
      this.rtnetlink.close();
    });
  }

  private async add(
    generic: LinkGeneric,
    kind: 'tap' | 'vxlan',
    persist: boolean,
    vxlan: VxlanOptions | undefined,
    /** The index to have, which stays the caller's. */
    own?: number,
    mirror?: MirrorTap,
  ): Promise<Device> {
    const existing = this.rtnetlink.link(generic.name);
    const reclaim = existing !== undefined && isReclaimable(this.registry, existing);
    const details = reclaim ? this.rtnetlink.linkDetails(existing.index) : undefined;
    if (details && isHeld(details)) throw rtnetlinkAnswers('Device or resource busy');
    // Of mirrored traffic there may be many, and what the host sends there goes nowhere: one queue will do.
    const { workers } = this.datapath;
    const tap = this.host.openFace({ name: generic.name, persist, reclaim, queues: mirror ? 1 : workers });
    const missing = tap.port ? undefined : missingOffload(tap.offloads);
    if (missing !== undefined) this.options.logOnce?.(missing);
    const [fd = -1] = tap.fds;
    const index = own ?? this.registry.takeIndex(generic.name);
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
    if (vxlan) this.parts.equip(device, vxlan);
    try {
      const created = this.rtnetlink.link(tap.name);
      if (!created) throw noSuchDevice(tap.name);
      this.rtnetlink.setLink(created.index, {
        alias: mirror ? mirrorMark(this.registry.nameOf(mirror.of), mirror.vni) : MARK,
        ...settingsOf(generic),
      });
      const receiver = mirror ? this.registry.get(mirror.of)?.vxlan : vxlan?.anyVni === true ? vxlan : undefined;
      if (receiver) this.quiet.silence(created.index, tap.name);
      device.ifindex = created.index;
      this.registry.add(device);
      if (own === undefined) this.datapath.counters.clearDevice(index);
      this.hostQueues.begin(device);
      this.datapath.devices.add(index, kind === 'tap' ? DeviceKind.TAP : DeviceKind.VXLAN, created.index);
      if (vxlan) {
        this.datapath.devices.setHeaders(index, vxlanHeaders(vxlan));
        this.datapath.devices.setVxlan(index, vxlanMode(vxlan), vxlan.id ?? 0);
        this.forwarding.begin(device);
        this.strictPeers?.touch(index);
        this.neighbours.devicesChanged();
      }
      if (mirror) this.datapath.devices.setVxlan(index, VxlanMode.MIRROR, mirror.vni);
      const bits = offloadBits(tap.offloads);
      const offloads = receiver ? mirrorOffloads(bits, receiver) : bits;
      if (tap.port) await this.datapath.apply({ type: 'port-give', device: index, port: tap.port });
      else await this.datapath.apply({ type: 'port-open', device: index, queues: placesAt(tap, workers), offloads });
      if (generic.up === true) await this.upDown.setUp(device);
      await this.reread(device);
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
  private async letGo(device: Device, stays: boolean, keepsIndex = false): Promise<void> {
    const { index } = device;
    this.mirrors.end(device);
    if (device.vxlan) this.forwarding.end(device);
    device.filter?.clear();
    this.registry.delete(device);
    this.watch.gone(index);
    this.mtus.end(device);
    this.lowers.end(device);
    this.datapath.devices.remove(index);
    this.strictPeers?.removed(index);
    try {
      await this.strictPeers?.settle();
      await device.sockets?.close();
      await this.datapath.apply({ type: 'port-close', device: index });
    } catch (error) {
      // A worker that has ended uses neither.
      this.options.log(`${device.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
    this.host.closeFace(device, stays);
    if (!keepsIndex) this.registry.indices.release(index);
  }

  private followMtu(device: Device): void {
    if (this.registry.get(device.index) === device && isHere(device) && device.vxlan && device.vxlan.anyVni !== true)
      this.mtus.follow(device, device.vxlan);
  }

  /** Events tell that something changed; what it is now, the kernel says. */
  private async reread(device: Device): Promise<void> {
    if (this.registry.get(device.index) !== device || device.nsid === ELSEWHERE) return;
    const link = this.rtnetlink.link(device.ifindex, device.nsid);
    if (link) {
      const before = this.datapath.devices.mtu(device.index);
      await this.upDown.sync(device, link);
      this.mirrors.mtuChanged(device, before, link.mtu);
      this.watch.changed(device.index);
    } else if (!this.host.hasFace(device)) this.vanish(device, 'it was deleted');
  }

  /** Both the kernel's notice and the worker's descriptor tell of it; whichever comes first is heard. */
  private vanish(device: Device, why: string): void {
    if (this.closed || device.isGone) return;
    this.options.log(`${device.name} is gone (${why}), and its filters with it`);
    this.dismiss(device);
  }

  /** Of vtep's own accord: what it may not do behind `--user` is said, and the device goes on. */
  private setMtu({ ifindex, name }: Device, mtu: number): boolean {
    try {
      this.rtnetlink.setLink(ifindex, { mtu });
      return true;
    } catch (error) {
      if (!(error instanceof SystemError && error.errno === EPERM)) throw error;
      this.options.log(
        `${name}: its MTU is to be ${mtu} now, which needs CAP_NET_ADMIN to set (ip link set ${name} mtu ${mtu})`,
      );
      return false;
    }
  }

  /** Has a device's filters removed, and then it. */
  private dismiss(device: Device): void {
    if (this.closed || device.isGone) return;
    device.isGone = true;
    this.datapath.devices.setUp(device.index, false);
    this.options.vanished(device.index);
  }
}
