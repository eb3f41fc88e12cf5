/**
 * The devices of a daemon: TAPs and vxlan devices, each with its face on the host. The kernel is the authority over
 * what people see and change there (name, MTU, MAC, up or down, namespace): this follows, through rtnetlink.
 */
import type { Datapath } from '../dataplane/datapath.js';
import { DeviceKind, VxlanMode } from '../devices/device-table.js';
import { RtnetlinkClient } from '../io/rtnetlink/client.js';
import { type LinkEvent, LinkFollower } from '../io/rtnetlink/follower.js';
import type { Link } from '../io/rtnetlink/link.js';
import type { LinkDetails } from '../io/rtnetlink/link-details.js';
import { closeTap, openTap, setPersistent, type Tap, tapName } from '../io/tap/open-tap.js';
import { isIpMulticast } from '../iproute/address.js';
import { changeVxlan } from '../iproute/change-vxlan.js';
import { CommandError, type LinkGeneric, type VxlanChanges, type VxlanOptions } from '../iproute/commands.js';
import { notSupported } from '../iproute/errors.js';
import type { LinkState } from '../iproute/link-state.js';
import { unsupportedVxlan, vxlanLearns } from '../iproute/vxlan-options.js';
import { MAX_DEVICES } from '../memory/counters.js';
import { EBADFD, EBUSY, EEXIST, errnoText, SystemError } from '../native/errno.js';
import { OFFLOAD_CSUM, OFFLOAD_TSO4, OFFLOAD_TSO6, OFFLOAD_USO4, OFFLOAD_USO6 } from '../offload/offloads.js';
import { type Device, DeviceRegistry, ELSEWHERE, isHere } from './device-registry.js';
import { adoptTable, editTable, TableDrafts, type TableEdit, type TableState } from './device-tables.js';
import { EventLog, type EventSink } from './events.js';
import { tellFdb } from './fdb-events.js';
import { Forwarding } from './forwarding.js';
import { HostPorts } from './host-ports.js';
import { HostQueues } from './host-queues.js';
import { linkStateOf } from './link-states.js';
import { LinkWatch } from './link-watch.js';
import { MtuFollower } from './mtu-follower.js';
import { NeighbourTable } from './neighbour-table.js';
import { noSuchDevice, refused, rtnetlinkAnswers } from './refusal.js';
import { UnderlayPool } from './underlay-pool.js';
import { VniFilter, VniRows, type VniSnapshot } from './vni-filter.js';
import { isVniInUse, type Taker } from './vni-in-use.js';
import { vxlanHeaders } from './vxlan-headers.js';
import { underlayMtu, vxlanMtu } from './vxlan-mtu.js';
import { type Membership, VxlanSockets } from './vxlan-sockets.js';

/** Mark of vtep on the interfaces it made (ifalias): only those does it ever take over. */
const MARK = 'vtep';

export interface DevicesOptions {
  readonly tun: string;
  readonly log: (line: string) => void;
  /** A device has vanished from the host: called once, to have its filters removed and then it (`remove`). */
  readonly vanished: (index: number) => void;
  /** Who is told of what becomes of links. */
  readonly events?: EventSink;
}

/** Makes, sets up and removes devices. */
export class Devices {
  private readonly datapath: Datapath;
  private readonly options: DevicesOptions;
  private readonly rtnetlink = new RtnetlinkClient();
  private readonly follower: LinkFollower;
  /** Which devices there are, for whoever names one. */
  readonly registry = new DeviceRegistry(this.rtnetlink);
  /** Where the frames of vxlan devices go. */
  readonly forwarding: Forwarding;
  private readonly underlays: UnderlayPool;
  private readonly neighbours: NeighbourTable;
  private readonly vniRows: VniRows;
  private readonly hostQueues: HostQueues;
  private readonly watch: LinkWatch;
  private readonly mtus: MtuFollower;
  /** Interfaces of the host that mirred sends to. */
  readonly hostPorts: HostPorts;
  private closed = false;
  /** What changes devices takes turns: commands, and what the kernel tells of. */
  private turn: Promise<unknown> = Promise.resolve();

  constructor(datapath: Datapath, options: DevicesOptions) {
    this.datapath = datapath;
    this.hostQueues = new HostQueues(datapath.counters);
    this.underlays = new UnderlayPool(datapath);
    this.vniRows = new VniRows(datapath.vniCounters);
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
    datapath.on('fdb-notices', () => this.forwarding.hear());
    this.options = options;
    const events = options.events ?? new EventLog();
    this.forwarding.onChange = (change) => tellFdb(events, change);
    this.watch = new LinkWatch(events, (index) => this.linkState(this.registry.get(index)));
    this.mtus = new MtuFollower(this.rtnetlink, {
      mtu: ({ ifindex }) => this.rtnetlink.link(ifindex)?.mtu,
      setMtu: ({ ifindex }, mtu) => this.rtnetlink.setLink(ifindex, { mtu }),
      log: options.log,
    });
    this.hostPorts = new HostPorts(datapath, this.rtnetlink, this.registry.indices, options.log);
    this.registry.outside = this.hostPorts;
    this.follower = new LinkFollower((event) => this.heard(event));
    this.follower.closed.catch((error: Error) => options.log(`links are no longer followed: ${error.message}`));
    datapath.on('port-gone', (device, errno) => this.portGone(device, errno));
  }

  /** Throws CommandError and leaves nothing behind. */
  addTap(link: LinkGeneric, persist: boolean): Promise<void> {
    return this.inTurn(async () => {
      await this.add(link, 'tap', persist, undefined);
    });
  }

  /** Throws CommandError and leaves nothing behind. */
  addVxlan(link: LinkGeneric, vxlan: VxlanOptions): Promise<void> {
    return this.inTurn(async () => {
      this.checkVxlan(link.name, vxlan);
      await this.makeVxlan(link, false, vxlan);
    });
  }

  private async makeVxlan(link: LinkGeneric, persist: boolean, vxlan: VxlanOptions, own?: number): Promise<void> {
    const underlay = underlayMtu(this.rtnetlink, vxlan);
    const mtu = vxlanMtu(link.mtu, underlay);
    const device = await this.add({ ...link, ...(mtu === undefined ? {} : { mtu }) }, 'vxlan', persist, vxlan, own);
    this.mtus.begin(device, underlay, link.mtu, mtu);
  }

  /** Throws CommandError where a device could not be added, as far as that can be known before. */
  checkNew(name: string, vxlan: VxlanOptions | undefined): void {
    if (this.registry.has(name)) throw rtnetlinkAnswers('File exists');
    this.checkName(name);
    if (vxlan) this.checkVxlan(name, vxlan);
  }

  /** Throws CommandError where a link of the host has the name. */
  checkName(name: string): void {
    const link = this.rtnetlink.link(name);
    if (link && !this.canReclaim(link)) throw rtnetlinkAnswers('File exists');
  }

  /** Throws CommandError where a vxlan device cannot be beside others, those that there are unless told otherwise. */
  checkVxlan(name: string, vxlan: VxlanOptions, others: readonly Taker[] = this.registry.takersBeside(name)): void {
    checkSupported(vxlan);
    underlayMtu(this.rtnetlink, vxlan);
    if (isVniInUse(vxlan, vxlan.id ?? 0, others)) {
      // The kernel looks for the name first.
      if (this.rtnetlink.link(name)) throw rtnetlinkAnswers('File exists');
      throw refused('A VXLAN device with the specified VNI already exists');
    }
  }

  /** Changes options of a vxlan device; throws CommandError, in the kernel's words, and has changed nothing then. */
  changeVxlan(name: string, changes: VxlanChanges): Promise<void> {
    return this.inTurn(async () => {
      const device = this.registry.find(name);
      const options = this.changedVxlan(name, device?.vxlan, changes);
      if (device) await this.configure(device, options);
    });
  }

  /** The options that a vxlan device of `current` ones comes to have. Throws CommandError, in the kernel's words. */
  changedVxlan(name: string, current: VxlanOptions | undefined, changes: VxlanChanges): VxlanOptions {
    if (!this.registry.has(name)) {
      if (!this.rtnetlink.link(name)) throw noSuchDevice(name);
      throw new CommandError(`vtep: "${name}" is the host's, not a device of vtep (use the system's ip for it)`, 2);
    }
    return this.changedOptions(current, changes);
  }

  /** As `changedVxlan`, whatever the device's name. */
  changedOptions(current: VxlanOptions | undefined, changes: VxlanChanges): VxlanOptions {
    if (!current) throw rtnetlinkAnswers('Operation not supported');
    const options = changeVxlan(current, changes);
    checkSupported(options);
    if (options.dev !== undefined && !this.rtnetlink.link(options.dev)) throw noSuchDevice(options.dev, 255);
    return options;
  }

  /** Gives a vxlan device options that `changedVxlan` has checked; throws CommandError where its sockets cannot. */
  configureVxlan(index: number, options: VxlanOptions): Promise<void> {
    return this.inTurn(async () => {
      const device = this.registry.get(index);
      if (device) await this.configure(device, options);
    });
  }

  private async configure(device: Device, options: VxlanOptions): Promise<void> {
    await device.sockets?.change(device.index, options);
    const before = device.vxlan;
    device.vxlan = options;
    this.setMode(device);
    if (before) {
      this.forwarding.change(device, before);
      device.filter?.changeDefault(before, options);
    }
    this.datapath.devices.setHeaders(device.index, vxlanHeaders(options));
    this.followMtu(device);
    this.watch.changed(device.index);
  }

  /** Brings those counters up to date that the kernel keeps. */
  refreshCounters(): void {
    this.hostQueues.refresh(this.registry.list());
  }

  /** Takes a device away: its sockets, its TAP, its place. Filters must be gone already. */
  remove(index: number): Promise<void> {
    return this.inTurn(async () => {
      const device = this.registry.get(index);
      if (device) await this.letGo(device, false);
    });
  }

  /** Takes a device away that a transaction has made; a TAP that stood before stays. Filters must be gone already. */
  takeBack(index: number): Promise<void> {
    return this.inTurn(async () => {
      const device = this.registry.get(index);
      if (device) await this.letGo(device, device.persist && !device.isNew);
    });
  }

  /** Makes a device anew in its place: rules that name it stay. Where that is refused there is none in its place. */
  remake(index: number, link: LinkGeneric, persist: boolean, vxlan: VxlanOptions | undefined): Promise<void> {
    return this.inTurn(async () => {
      const device = this.registry.get(index);
      if (device) await this.letGo(device, false, true);
      if (vxlan) await this.makeVxlan(link, persist, vxlan, index);
      else await this.add(link, 'tap', persist, undefined, index);
    });
  }

  /**
   * Opens the sockets of a device that is about to be set up; throws CommandError where a port is taken. `refresh`
   * must follow, whatever became of it.
   */
  prepareUp(index: number): Promise<void> {
    return this.inTurn(async () => {
      const device = this.registry.get(index);
      if (!device) return;
      await device.sockets?.open(device.index);
      device.isRising = true;
    });
  }

  /** Closes the sockets of a device that is about to go; `refresh` opens them again. */
  pause(index: number): Promise<void> {
    return this.inTurn(async () => {
      await this.registry.get(index)?.sockets?.close();
    });
  }

  /** What the kernel says of a device, for `restore`; undefined where it is in another network namespace. */
  detailsOf(index: number): LinkDetails | undefined {
    const device = this.registry.get(index);
    return device && isHere(device) ? this.rtnetlink.linkDetails(device.ifindex) : undefined;
  }

  /** Sets what is said of MTU, address and queue length. */
  set(index: number, { mtu, address, txqueuelen }: LinkGeneric): Promise<void> {
    return this.inTurn(async () => {
      const device = this.registry.get(index);
      if (!device || !isHere(device)) return;
      try {
        this.rtnetlink.setLink(device.ifindex, {
          ...(mtu === undefined ? {} : { mtu }),
          ...(address === undefined ? {} : { address }),
          ...(txqueuelen === undefined ? {} : { txQueueLength: txqueuelen }),
        });
      } catch (error) {
        throw asAnswer(error);
      }
      await this.reread(device);
    });
  }

  /** ifindex of a link of this network namespace that is not vtep's; undefined where there is none. */
  hostIfindex(name: string): number | undefined {
    return this.registry.meant(name) ? undefined : this.rtnetlink.link(name)?.index;
  }

  /** Puts back MTU, address, alias and queue length, as far as they are others. */
  restore(index: number, { link, txQueueLength }: LinkDetails): Promise<void> {
    return this.inTurn(async () => {
      const device = this.registry.get(index);
      const now = device && isHere(device) ? this.rtnetlink.linkDetails(device.ifindex) : undefined;
      if (!device || !now) return;
      const { mtu, address, alias } = link;
      this.rtnetlink.setLink(device.ifindex, {
        ...(mtu !== now.link.mtu && { mtu }),
        ...(`${address}` !== `${now.link.address}` && { address }),
        ...(alias !== now.link.alias && { alias }),
        ...(txQueueLength !== now.txQueueLength && { txQueueLength }),
      });
      await this.reread(device);
    });
  }

  /** Reads a device's state from the kernel now, instead of waiting to be told. */
  refresh(index: number): Promise<void> {
    return this.inTurn(async () => {
      const device = this.registry.get(index);
      if (!device) return;
      device.isRising = false;
      await this.reread(device);
    });
  }

  /** The devices of this network namespace as `ip link show` prints them. */
  linkStates(): LinkState[] {
    return this.registry.list().flatMap((device) => this.linkState(device) ?? []);
  }

  private linkState(device: Device | undefined): LinkState | undefined {
    const details = device && isHere(device) ? this.rtnetlink.linkDetails(device.ifindex) : undefined;
    if (!device || !details) return undefined;
    const { master } = details.link;
    const above = master === 0 ? undefined : this.rtnetlink.link(master)?.name;
    return linkStateOf(details, device, this.datapath.counters.sets, above);
  }

  /** To be called before somebody listens: what there is then is no news. */
  beginWatching(): void {
    this.watch.begin(this.registry.list().map(({ index }) => index));
  }

  /** Removes everything that is not to stay: persistent TAPs stay, except, with `undo`, those that are new. */
  async close(undo: boolean): Promise<void> {
    this.closed = true;
    this.forwarding.close();
    this.neighbours.close();
    await this.follower.close();
    await this.inTurn(async () => {
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
  ): Promise<Device> {
    const existing = this.rtnetlink.link(generic.name);
    const tap = this.openTap(generic.name, persist, existing);
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
    };
    if (vxlan?.vnifilter === true) device.filter = this.filterOf(device, vxlan);
    if (vxlan) device.sockets = this.socketsOf(device, vxlan);
    try {
      const { mtu, address, txqueuelen } = generic;
      const created = this.mustLink(tap.name);
      this.rtnetlink.setLink(created.index, {
        alias: MARK,
        ...(mtu === undefined ? {} : { mtu }),
        ...(address === undefined ? {} : { address }),
        ...(txqueuelen === undefined ? {} : { txQueueLength: txqueuelen }),
      });
      device.ifindex = created.index;
      this.registry.add(device);
      if (own === undefined) this.datapath.counters.clearDevice(index);
      this.hostQueues.begin(device);
      this.datapath.devices.add(index, kind === 'tap' ? DeviceKind.TAP : DeviceKind.VXLAN, created.index);
      if (vxlan) {
        this.datapath.devices.setHeaders(index, vxlanHeaders(vxlan));
        this.setMode(device);
        this.forwarding.begin(device);
        this.neighbours.devicesChanged();
      }
      const offloads = offloadBits(tap.offloads);
      await this.datapath.apply({ type: 'port-open', device: index, queues: tap.queues, offloads });
      if (generic.up === true) await this.setUp(device);
      await this.reread(device);
      return device;
    } catch (error) {
      await this.letGo(device, persist && !device.isNew, own !== undefined);
      throw asAnswer(error);
    }
  }

  /** With a queue for each worker. */
  private openTap(name: string, persist: boolean, existing: Link | undefined): Tap {
    const reclaim = existing !== undefined && this.canReclaim(existing);
    // Several can have a TAP of several queues; the kernel does not say it is busy then.
    const queues = existing && this.rtnetlink.linkDetails(existing.index)?.tun?.queues;
    if (reclaim && queues && queues.enabled + queues.disabled > 0) throw rtnetlinkAnswers('Device or resource busy');
    try {
      return openTap({ name, persist, reclaim, tunPath: this.options.tun, queues: this.datapath.workers });
    } catch (error) {
      if (error instanceof SystemError && error.errno === EEXIST) throw rtnetlinkAnswers('File exists');
      if (error instanceof SystemError && error.errno === EBUSY) throw rtnetlinkAnswers('Device or resource busy');
      throw error;
    }
  }

  /** Whether a link was vtep's, and is nobody's now. */
  private canReclaim(link: Link): boolean {
    return link.kind === 'tun' && link.alias === MARK && this.registry.byLink(link, undefined) === undefined;
  }

  private mustLink(name: string): Link {
    const link = this.rtnetlink.link(name);
    if (!link) throw noSuchDevice(name);
    return link;
  }

  private async setUp(device: Device): Promise<void> {
    await device.sockets?.open(device.index);
    this.rtnetlink.setLink(device.ifindex, { up: true });
  }

  /** What the kernel says of a device, taken over; a vxlan device's sockets open and close with it. */
  private async sync(device: Device, link: Link): Promise<void> {
    const table = this.datapath.devices;
    device.name = link.name;
    table.setMtu(device.index, link.mtu);
    table.setMac(device.index, link.address);
    if (link.up) {
      try {
        await device.sockets?.open(device.index);
      } catch (error) {
        // Set up with the system's own `ip`, which had its answer already: take it back, and say why.
        const why = error instanceof Error ? error.message : String(error);
        this.options.log(`${device.name} stays down: ${why}`);
        if (isHere(device)) this.rtnetlink.setLink(device.ifindex, { up: false });
        return;
      }
      table.setUp(device.index, true);
      if (device.vxlan) this.forwarding.open(device);
    } else {
      table.setUp(device.index, false);
      if (device.isRising || !device.sockets?.isOpen) return;
      this.forwarding.shut(device);
      await device.sockets.close();
    }
  }

  private socketsOf(device: Device, vxlan: VxlanOptions): VxlanSockets {
    return new VxlanSockets(this.underlays, vxlan, {
      log: (line) => this.options.log(line),
      vnis: () => device.filter?.taken ?? (vxlan.external ? undefined : [[vxlan.id ?? 0, -1]]),
      memberships: (options) => {
        const { remote } = options;
        const own = remote !== undefined && isIpMulticast(remote) ? [remote] : [];
        return [...own, ...(device.filter?.groups ?? [])].map((group) => this.membershipOf(group, options));
      },
    });
  }

  private membershipOf(group: Uint8Array, { dev }: VxlanOptions): Membership {
    return { group, ifindex: dev === undefined ? 0 : this.mustLink(dev).index };
  }

  private filterOf(device: Device, vxlan: VxlanOptions): VniFilter {
    const options = (): VxlanOptions => device.vxlan ?? vxlan;
    return new VniFilter(this.vniRows, {
      isInUse: (vni) => isVniInUse(options(), vni, this.registry.takersBeside(device.name)),
      redirect: (vni, before, after) => this.forwarding.redirect(device, vni, before, after),
      join: (group) => device.sockets?.join(this.membershipOf(group, options())),
      leave: (group) => device.sockets?.leave(this.membershipOf(group, options())),
    });
  }

  /** Carries out a line about a device's forwarding table or VNI filter; throws CommandError. */
  editTable(device: Device, edit: TableEdit): Promise<void> {
    return this.inTurn(async () => {
      editTable(this.forwarding, device, edit);
      if (device.filter) await device.sockets?.takeOthers(device.index);
    });
  }

  /** Tables and filters are as a transaction finds them; `endTables` must follow. */
  beginTables(): void {
    this.forwarding.journal.open();
    this.vniRows.hold();
  }

  /** The transaction is over, and has been taken back or not. */
  endTables(isUndone: boolean): void {
    if (isUndone) this.forwarding.journal.rollBack();
    else this.forwarding.journal.keep();
    this.vniRows.release();
  }

  /** Has a device's filter be as it was earlier in a transaction. */
  restoreFilter(index: number, before: VniSnapshot): Promise<void> {
    return this.inTurn(async () => {
      const device = this.registry.get(index);
      if (!device?.filter || !device.vxlan) return;
      device.filter.restore(device.vxlan, before);
      await device.sockets?.takeOthers(device.index);
    });
  }

  /** Has a device's table and filter be as a state says; throws CommandError. */
  adoptTable(device: Device, state: TableState): Promise<void> {
    return this.inTurn(async () => {
      adoptTable(this.forwarding, device, state);
      if (device.filter) await device.sockets?.takeOthers(device.index);
    });
  }

  /** Tables as the lines of a file would make them. */
  newTables(): TableDrafts {
    return new TableDrafts(this.rtnetlink);
  }

  /** What workers must know of a vxlan device's options. */
  private setMode({ index, vxlan }: Device): void {
    if (!vxlan) return;
    const mode =
      (vxlan.external ? 0 : VxlanMode.CLASSIC) |
      (vxlanLearns(vxlan) ? VxlanMode.LEARN : 0) |
      (vxlan.l2miss === true ? VxlanMode.L2_MISS : 0) |
      (vxlan.l3miss === true ? VxlanMode.L3_MISS : 0) |
      (vxlan.proxy === true ? VxlanMode.PROXY : 0) |
      (vxlan.vnifilter === true ? VxlanMode.VNI_FILTER : 0);
    this.datapath.devices.setVxlan(index, mode, vxlan.id ?? 0);
  }

  /**
   * A device leaves: the worker lets go of it first, then its descriptors are closed, and its TAP goes unless it is to
   * stay. Its index is another's only when no action sends there any more.
   */
  private async letGo(device: Device, stays: boolean, keepsIndex = false): Promise<void> {
    const { index, fd } = device;
    if (device.vxlan) this.forwarding.end(device);
    device.filter?.clear();
    this.registry.delete(device);
    this.watch.gone(index);
    this.mtus.end(device);
    this.datapath.devices.remove(index);
    try {
      await device.sockets?.close();
      await this.datapath.apply({ type: 'port-close', device: index });
    } catch (error) {
      // A worker that has ended uses neither.
      this.options.log(`${device.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (!stays && tapName(fd) !== undefined) setPersistent(fd, false);
    closeTap(device);
    if (!keepsIndex) this.registry.indices.release(index);
  }

  // ---- what the kernel tells -----------------------------------------------------------------------------------

  private heard(event: LinkEvent): void {
    if (this.closed) return;
    if (event.type === 'neighbours') {
      if (event.nsid === undefined) this.neighbours.changed(event.ifindex);
      return;
    }
    if (event.type === 'lost') {
      this.neighbours.devicesChanged();
      this.hostPorts.reread();
      for (const device of this.registry.list()) this.later(() => this.reread(device));
      return;
    }
    if (event.type === 'link' && event.nsid === undefined) this.lowerChanged(event.link);
    const device = this.registry.byLink(event.link, event.nsid);
    if (!device && event.nsid === undefined) this.hostPorts.heard(event.link, event.type !== 'link');
    if (!device) return;
    switch (event.type) {
      case 'link':
        this.later(() => this.reread(device));
        break;
      case 'moved':
        this.moved(device, event.to);
        break;
      case 'gone':
        this.vanish(device, 'it was deleted');
        break;
    }
  }

  /** A link that vxlan devices stand on may have another MTU now. */
  private lowerChanged({ index }: Link): void {
    for (const device of this.registry.list()) {
      if (this.mtus.concerns(device, index)) this.later(async () => this.followMtu(device));
    }
  }

  private followMtu(device: Device): void {
    if (this.registry.get(device.index) === device && isHere(device) && device.vxlan)
      this.mtus.follow(device, device.vxlan);
  }

  /** An id that another namespace gave says nothing here: then the descriptor's name tells whether it came back. */
  private moved(device: Device, to: { nsid: number; index: number }): void {
    const wasHere = isHere(device);
    device.nsid = wasHere ? to.nsid : ELSEWHERE;
    device.ifindex = to.index;
    const name = wasHere ? undefined : tapName(device.fd);
    const link = name === undefined ? undefined : this.rtnetlink.link(name);
    if (link && this.canReclaim(link)) {
      device.nsid = undefined;
      device.ifindex = link.index;
    }
    const where = isHere(device) ? 'came back to this' : 'moved to another';
    this.options.log(`${device.name} ${where} network namespace; it goes on working`);
    this.watch.changed(device.index);
    this.later(() => this.reread(device));
  }

  /** Events tell that something changed; what it is now, the kernel says. */
  private async reread(device: Device): Promise<void> {
    if (this.registry.get(device.index) !== device || device.nsid === ELSEWHERE) return;
    const link = this.rtnetlink.link(device.ifindex, device.nsid);
    if (link) {
      await this.sync(device, link);
      this.watch.changed(device.index);
    } else if (tapName(device.fd) === undefined) this.vanish(device, 'it was deleted');
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.turn.then(work);
    this.turn = result.catch(() => undefined);
    return result;
  }

  private later(work: () => Promise<void>): void {
    this.inTurn(work).catch((error: Error) => this.options.log(error.message));
  }

  private portGone(index: number, errno: number): void {
    const device = this.registry.get(index);
    if (device) this.vanish(device, errno === EBADFD ? 'it was deleted' : errnoText(errno));
  }

  /** Both the kernel's notice and the worker's descriptor tell of it; whichever comes first is heard. */
  private vanish(device: Device, why: string): void {
    if (this.closed || device.isGone) return;
    device.isGone = true;
    this.datapath.devices.setUp(device.index, false);
    this.options.log(`${device.name} is gone (${why}), and its filters with it`);
    this.options.vanished(device.index);
  }
}

function checkSupported(options: VxlanOptions): void {
  const unsupported = unsupportedVxlan(options);
  if (unsupported !== undefined) throw notSupported(unsupported);
}

/** What the kernel refuses, as `ip` says it. */
function asAnswer(error: unknown): unknown {
  const isKernels = error instanceof SystemError && error.syscall === 'RTNETLINK';
  return isKernels ? rtnetlinkAnswers(errnoText(error.errno)) : error;
}

/** What a TAP takes unfinished or unsegmented, as the coalescer wants to know it. */
function offloadBits(offloads: { tcp: boolean; udp: boolean }): number {
  const tcp = offloads.tcp ? OFFLOAD_CSUM | OFFLOAD_TSO4 | OFFLOAD_TSO6 : 0;
  return tcp | (offloads.udp ? OFFLOAD_USO4 | OFFLOAD_USO6 : 0);
}
