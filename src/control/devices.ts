/**
 * The devices of a daemon: TAPs and vxlan devices, each with its face on the host. The kernel is the authority over
 * what people see and change there (name, MTU, MAC, up or down, namespace): this follows, through rtnetlink.
 */
import type { Datapath } from '../dataplane/datapath.js';
import type { Rtnetlink } from '../io/rtnetlink/client.js';
import type { LinkFollower } from '../io/rtnetlink/follower.js';
import type { UnderlayParts } from '../io/underlay-parts.js';
import { CommandError, type LinkGeneric, type VxlanChanges, type VxlanOptions } from '../iproute/commands.js';
import { ReasonNames } from '../memory/reason-names.js';
import type { Identity } from '../native/credentials.js';
import { EPERM, SystemError } from '../native/errno.js';
import { DeviceAdmission } from './device-admission.js';
import { DeviceMaker } from './device-maker.js';
import { DeviceNews } from './device-news.js';
import { type Device, DeviceRegistry, ELSEWHERE, isHere, type MirrorTap } from './device-registry.js';
import { EventLog, type EventSink } from './events.js';
import { tellFdb } from './fdb-events.js';
import { Forwarding } from './forwarding.js';
import { HostLinks } from './host-links.js';
import { HostPorts } from './host-ports.js';
import { HostQueues } from './host-queues.js';
import { type HostSide, KernelHost } from './host-side.js';
import { LinkWatch } from './link-watch.js';
import { LowerFollower } from './lower-follower.js';
import { MirrorReceivers } from './mirror-receivers.js';
import { MtuFollower } from './mtu-follower.js';
import { NeighbourTable } from './neighbour-table.js';
import { isReclaimable } from './own-tap.js';
import { QuietLinks } from './quiet-link.js';
import { noSuchDevice } from './refusal.js';
import { RouteLoops } from './route-loops.js';
import type { StrictPeers } from './strict-peers.js';
import { TableEdits } from './table-edits.js';
import { Turns } from './turns.js';
import { UnderlayPool } from './underlay-pool.js';
import { UpAndDown } from './up-and-down.js';
import { VniRows } from './vni-filter.js';
import { vxlanHeaders } from './vxlan-headers.js';
import { type UnderlayMtu, underlayMtu } from './vxlan-mtu.js';
import { VxlanParts, vxlanMode } from './vxlan-parts.js';

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
  readonly datapath: Datapath;
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
  /** The TAPs of mirror receivers. */
  readonly mirrors: MirrorReceivers;
  /** Destinations that lead back to where they are named. */
  readonly loops: RouteLoops;
  /** Is told of devices that are new, changed or gone; absent: anybody may send to them. */
  strictPeers: StrictPeers | undefined;
  private readonly maker: DeviceMaker;
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
    this.maker = new DeviceMaker({
      ...{ datapath, host: this.host, rtnetlink, registry, forwarding, neighbours, mtus },
      hostQueues: this.hostQueues,
      parts: new VxlanParts({
        links: rtnetlink,
        registry,
        forwarding,
        underlays,
        vniRows,
        log,
        ...(logOnce && { logOnce }),
      }),
      mirrors: this.mirrors,
      upDown: this.upDown,
      lowers: this.lowers,
      watch: this.watch,
      quiet: new QuietLinks((ifindex, changes) => rtnetlink.setLink(ifindex, changes), log),
      strictPeers: () => this.strictPeers,
      reread: (device) => this.reread(device),
      log,
      ...(logOnce && { logOnce }),
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
      await this.maker.add(link, 'tap', persist, undefined);
    });
  }

  /** Throws CommandError and leaves nothing behind. */
  addVxlan(link: LinkGeneric, vxlan: VxlanOptions): Promise<void> {
    return this.turns.take(async () => {
      this.admission.checkVxlan(link.name, vxlan);
      await this.maker.makeVxlan(link, false, vxlan);
    });
  }

  private addMirrorTap(receiver: Device, name: string, mirror: MirrorTap): Promise<Device> {
    return this.turns.take(async () => {
      if (this.closed || this.registry.get(receiver.index) !== receiver) throw noSuchDevice(receiver.name);
      const mtu = this.datapath.devices.mtu(receiver.index);
      return this.maker.add({ name, mtu, up: true }, 'tap', false, undefined, undefined, mirror);
    });
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
      if (device) await this.maker.letGo(device, false);
    });
  }

  /** Takes a device away that a transaction has made; a TAP that stood before stays. Filters must be gone already. */
  takeBack(index: number): Promise<void> {
    return this.turns.take(async () => {
      const device = this.registry.get(index);
      if (device) await this.maker.letGo(device, device.persist && !device.isNew);
    });
  }

  /** Makes a device anew in its place: rules that name it stay. Where that is refused there is none in its place. */
  remake(index: number, link: LinkGeneric, persist: boolean, vxlan: VxlanOptions | undefined): Promise<void> {
    return this.turns.take(async () => {
      const device = this.registry.get(index);
      if (device) await this.maker.letGo(device, false, true);
      if (vxlan) await this.maker.makeVxlan(link, persist, vxlan, index);
      else await this.maker.add(link, 'tap', persist, undefined, index);
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
      for (const device of this.registry.list())
        await this.maker.letGo(device, device.persist && !(undo && device.isNew));
      this.hostPorts.close();
      this.rtnetlink.close();
    });
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
