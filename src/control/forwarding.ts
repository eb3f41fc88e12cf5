/**
 * The forwarding tables of vxlan devices, as `bridge fdb` edits and shows them: the kernel's vxlan_fdb_add, _delete,
 * _get, _dump and _delete_bulk (drivers/net/vxlan/vxlan_core.c), on the table that the workers look into.
 */

import {
  ADDED_BY_USER,
  ENTRY_REMOTES,
  NTF_EXT_LEARNED,
  NTF_ROUTER,
  NTF_SELF,
  NTF_STICKY,
  NUD_NOARP,
  NUD_PERMANENT,
  NUD_REACHABLE,
  NUD_STALE,
} from '../devices/fdb-layout.js';
import type { FdbKey, FdbListed, FdbNotice, FdbRecord, FdbRecords, FdbRemote } from '../devices/fdb-records.js';
import { isSameRemote } from '../devices/fdb-records.js';
import { formatMac } from '../iproute/address.js';
import { CommandError, type VxlanOptions } from '../iproute/commands.js';
import { fdbDeletion } from '../iproute/fdb-command.js';
import {
  type FdbDeletion,
  type FdbEntry,
  type FdbEntryState,
  type FdbFlush,
  fdbStateBits,
  fdbStateOf,
  isFdbFlushed,
  reportedFdbEntry,
  type VniState,
} from '../iproute/fdb-types.js';
import { VXLAN_AGEING } from '../iproute/vxlan-options.js';
import type { LinkSource } from './device-registry.js';
import {
  addressBytes,
  type FdbChange,
  type FdbDevice,
  flagsOf,
  isAny,
  isMade,
  isSameRecord,
  isUnicast,
  optionsOf,
} from './fdb-entries.js';
import { FdbJournal } from './fdb-journal.js';
import { fdbAnswers, fdbRefused } from './refusal.js';
import { tunnelDefaults } from './tunnel-defaults.js';

/** Seconds between two looks for what has aged, at most (FDB_AGE_INTERVAL). */
const AGE_INTERVAL = 10;
/** The table counts time in tenths of seconds. */
const TICKS = 10;

const ZEROS = new Uint8Array(6);

export interface ForwardingHost {
  /** The vxlan device of an index. */
  device(index: number): FdbDevice | undefined;
  readonly links: LinkSource;
}

export class Forwarding {
  /** Is told of every change. */
  onChange: ((change: FdbChange) => void) | undefined;
  readonly journal: FdbJournal;
  private readonly table: FdbRecords;
  private readonly host: ForwardingHost;
  private timer: NodeJS.Timeout | undefined;
  /** The interface that a device's `dev` was when it was last looked for, by the device's index. */
  private readonly lowers = new Map<number, number>();
  private closed = false;

  constructor(table: FdbRecords, host: ForwardingHost) {
    this.table = table;
    this.journal = new FdbJournal(table);
    this.host = host;
    this.ageIn(AGE_INTERVAL * TICKS);
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }

  // ---- the life of a device ------------------------------------------------------------------------------------

  /** A new device: with an entry for its default destination, if it has one. */
  begin(device: FdbDevice): void {
    this.setDevice(device);
    this.addDefault(device);
  }

  /** A device has other options than before. */
  change(device: FdbDevice, before: VxlanOptions): void {
    this.setDevice(device);
    const { remote } = optionsOf(device);
    if (`${remote}` === `${before.remote}`) return;
    this.addDefault(device);
    const old = this.defaultRemote(before);
    if (old) this.removeRemote(this.keyOf(device, ZEROS), old);
  }

  /** Frames of a VNI of a filter without another entry go to `after`, and no longer to `before`. */
  redirect(device: FdbDevice, vni: number, before: Uint8Array | undefined, after: Uint8Array | undefined): void {
    const options = optionsOf(device);
    const key = this.keyOf(device, ZEROS, vni);
    const lower = this.lowerIndex(device);
    if (after) this.addPermanent(key, this.defaultOf(options, vni, after, lower));
    if (before) this.removeRemote(key, this.defaultOf(options, vni, before, lower));
  }

  /** A device is up: it learns from now on. */
  open(device: FdbDevice): void {
    this.table.setOpen(device.index, true);
    this.findLower(device);
    this.age();
  }

  /** A device is down: what it has learned is forgotten (vxlan_stop). */
  shut(device: FdbDevice): void {
    this.table.setOpen(device.index, false);
    for (const record of this.table.list(device.index)) {
      const isStatic = (record.state & (NUD_PERMANENT | NUD_NOARP)) !== 0;
      if (!isStatic) this.removeAll(record);
    }
  }

  /** A device is going, and its table with it: that of every entry is told, as the kernel does. */
  end(device: FdbDevice): void {
    this.lowers.delete(device.index);
    this.table.setOpen(device.index, false);
    for (const record of this.table.list(device.index)) {
      this.journal.touch(record);
      this.table.remove(record);
      if (!this.onChange) continue;
      // By the end of a transaction nobody knows the device any more.
      const entries = this.statesOf(device, record);
      this.journal.tell(() => {
        for (const entry of entries) this.onChange?.({ type: 'deleted', entry });
      });
    }
  }

  // ---- bridge fdb ----------------------------------------------------------------------------------------------

  /** Throws CommandError, in the kernel's words, and has changed nothing then. */
  add(mode: 'add' | 'append' | 'replace', device: FdbDevice, entry: FdbEntry): void {
    if (entry.dst === undefined) throw fdbAnswers('Invalid argument');
    const remote = this.remoteOf(device, entry, entry.dst);
    if (remote.address.length !== addressBytes(optionsOf(device))) {
      throw fdbAnswers('Address family not supported by protocol');
    }
    const key = this.keyOf(device, entry.mac, entry.srcVni);
    const there = this.table.get(key);
    if (there) {
      if (mode === 'add') throw fdbAnswers('File exists');
      this.update(mode, key, there, entry, remote);
      return;
    }
    if (mode === 'replace' && !isUnicast(entry.mac)) throw fdbAnswers('Operation not supported');
    this.insert(key, fdbStateBits[entry.state], flagsOf(entry), remote);
  }

  remove(device: FdbDevice, entry: FdbDeletion): void {
    const remote = this.remoteOf(device, entry, entry.dst ?? new Uint8Array(addressBytes(optionsOf(device))));
    const key = this.keyOf(device, entry.mac, entry.srcVni);
    const there = this.table.get(key);
    if (!there) throw fdbAnswers('No such file or directory');
    if (isAny(remote.address)) this.removeAll(there);
    else this.removeRemote(key, remote);
  }

  get(device: FdbDevice, { mac, vni }: Pick<FdbEntry, 'mac' | 'vni'>): FdbEntryState {
    const record = this.table.get(this.keyOf(device, mac, vni));
    const [first] = record ? this.statesOf(device, record) : [];
    if (!first) throw fdbRefused('Fdb entry not found', 254);
    return first;
  }

  /** The entries of a device, the youngest first. */
  list(device: FdbDevice): FdbEntryState[] {
    return this.table.list(device.index).flatMap((record) => this.statesOf(device, record));
  }

  flush(device: FdbDevice, flush: FdbFlush): void {
    if (flush.refused !== undefined) throw new CommandError(flush.refused, 255);
    if (flush.via !== undefined) this.ifindexOf(flush.via);
    const { dst, port, vni, via } = flush;
    const ofRemotes = dst !== undefined || port !== undefined || vni !== undefined || via !== undefined;
    for (const record of this.table.list(device.index)) {
      const gone = record.remotes.filter((remote) => isFdbFlushed(this.stateOf(device, record, remote), flush));
      if (gone.length === 0) continue;
      if (!ofRemotes || gone.length === record.remotes.length) this.removeAll(record);
      else for (const remote of gone) this.removeRemote(record, remote);
    }
  }

  /** The entries that commands have made, the oldest first, as they were typed. */
  made(device: FdbDevice): FdbRecord[] {
    return this.table.list(device.index).filter(isMade).reverse();
  }

  /** Every entry, to `fill` another table with. */
  entries(device: FdbDevice): FdbListed[] {
    return this.table.list(device.index);
  }

  /** Has these be all the entries of a device. */
  fill(device: FdbDevice, entries: readonly FdbListed[]): void {
    for (const record of this.table.list(device.index)) this.table.remove(record);
    for (const entry of entries) this.table.putBack({ ...entry, device: device.index }, this.table.time());
  }

  /** Has the entries that commands make be these, the oldest first; those that are so already are not touched. */
  adopt(device: FdbDevice, wanted: readonly FdbRecord[]): void {
    const changes: (() => void)[] = [];
    this.table.together(() => {
      const nameOf = ({ mac, vni }: FdbRecord): string => `${mac} ${vni}`;
      const kept = new Set<string>();
      const named = new Map(wanted.map((record) => [nameOf(record), record]));
      for (const record of this.table.list(device.index)) {
        const other = named.get(nameOf(record));
        if (other && isSameRecord(record, other)) {
          kept.add(nameOf(record));
        } else if (other || isMade(record)) {
          this.journal.touch(record);
          this.table.remove(record);
          changes.push(() => this.edited('deleted', record, record.remotes));
        }
      }
      for (const { mac, vni, state, flags, remotes } of wanted.filter((record) => !kept.has(nameOf(record)))) {
        const key = { device: device.index, mac, vni };
        const [first, ...more] = remotes;
        this.journal.touch(key);
        if (first) this.table.insert(key, state, flags, first);
        for (const remote of more) this.table.append(key, remote);
        const now = this.table.get(key);
        if (now) changes.push(() => this.edited('changed', now, now.remotes));
      }
    });
    for (const change of changes) change();
  }

  /** What making a device, and adding the VNIs of its filter, puts into its table: all of it at the all-zeros address. */
  defaults(device: FdbDevice, vnis: readonly VniState[]): { readonly vni: number; readonly remote: FdbRemote }[] {
    const options = optionsOf(device);
    const lower = this.lowerIndex(device);
    const own = this.defaultRemote(options, lower);
    const ofVnis = vnis.flatMap(({ vni, remote }) => {
      const address = remote ?? own?.address;
      return address ? [{ vni, remote: this.defaultOf(options, vni, address, lower) }] : [];
    });
    return [...(own ? [{ vni: options.id ?? 0, remote: own }] : []), ...ofVnis];
  }

  /** The words, after `bridge`, that take a destination away from the all-zeros address. */
  deletion(device: FdbDevice, srcVni: number, remote: FdbRemote): string[] {
    const record = {
      device: device.index,
      mac: ZEROS,
      vni: srcVni,
      state: 0,
      flags: 0,
      used: 0,
      updated: 0,
      remotes: [],
    };
    const entry = reportedFdbEntry(this.stateOf(device, record, remote), optionsOf(device));
    return fdbDeletion(entry);
  }

  /** One destination of an entry, as `show` has it but whole: with port and VNI. */
  stateOf(device: FdbDevice, record: FdbRecord, remote: FdbRemote): FdbEntryState {
    const { mac, vni: srcVni, state: bits, flags, used, updated } = record;
    const { address, port, vni, ifindex } = remote;
    return {
      ...{ dev: device.name, mac, dst: address, port, vni, srcVni, state: fdbStateOf(bits), bits },
      ...(ifindex !== 0 && { via: this.viaOf(device, ifindex) }),
      ...((flags & NTF_ROUTER) !== 0 && { router: true }),
      ...((flags & NTF_EXT_LEARNED) !== 0 && { externLearn: true }),
      ...((flags & NTF_STICKY) !== 0 && { sticky: true }),
      used: Math.floor(used / TICKS),
      updated: Math.floor(updated / TICKS),
    };
  }

  /** The name of an interface; that of a device's own lower one while it is gone. */
  private viaOf(device: FdbDevice, ifindex: number): string {
    const name = this.host.links.link(ifindex)?.name;
    return name ?? (ifindex === this.lowerIndex(device) ? optionsOf(device).dev : undefined) ?? `if${ifindex}`;
  }

  // ---- what happens by itself ----------------------------------------------------------------------------------

  /** The workers have notices. */
  hear(): void {
    for (const notice of this.table.notices()) this.tell(notice);
  }

  private tell(notice: FdbNotice): void {
    if (notice.kind === 'lost') {
      this.onChange?.({ type: 'lost', count: notice.count });
      return;
    }
    const device = this.host.device(notice.kind === 'learned' ? notice.record.device : notice.device);
    if (!device) return;
    switch (notice.kind) {
      case 'learned':
        this.changed('learned', notice.record, notice.record.remotes);
        break;
      case 'l2-miss':
        this.onChange?.({ type: 'l2-miss', dev: device.name, mac: notice.mac });
        break;
      case 'l3-miss':
        this.onChange?.({ type: 'l3-miss', dev: device.name, address: notice.address });
        break;
    }
  }

  /** Forgets what has not been heard of for too long, and looks again when the next may be due (vxlan_cleanup). */
  private age(): void {
    if (this.closed) return;
    const ageing = (index: number): number => {
      const options = this.host.device(index)?.vxlan;
      return (options?.ageing ?? VXLAN_AGEING) * TICKS;
    };
    // The kernel makes an entry stale before it forgets it, and says so.
    const next = this.table.age(ageing, AGE_INTERVAL * TICKS, (record) =>
      this.changed('deleted', { ...record, state: NUD_STALE }, record.remotes),
    );
    this.ageIn(next);
  }

  private ageIn(ticks: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.age(), (ticks * 1000) / TICKS);
    this.timer.unref();
  }

  // ---- edits ---------------------------------------------------------------------------------------------------

  private update(mode: 'append' | 'replace', key: FdbKey, there: FdbRecord, entry: FdbEntry, remote: FdbRemote): void {
    if (mode === 'replace' && !isUnicast(entry.mac)) throw fdbRefused('Cannot replace non-unicast fdb entries');
    this.journal.touch(key);
    if (mode === 'append' && !isUnicast(entry.mac)) {
      const refusal = this.table.append(key, remote);
      if (refusal === 'too-many-remotes') {
        throw new CommandError(
          `vtep: ${formatMac(entry.mac)} has ${ENTRY_REMOTES} destinations, and takes no more`,
          255,
        );
      }
      if (refusal) throw fdbAnswers('No space left on device');
    } else if (mode === 'replace') {
      this.table.replaceRemote(key, remote);
    }
    const flags = flagsOf(entry);
    // What another control plane has learned does not take over what a person has said.
    const takesOver = (flags & NTF_EXT_LEARNED) === 0 || (there.flags & ADDED_BY_USER) === 0;
    if (takesOver) this.table.setState(key, fdbStateBits[entry.state], flags);
    const now = this.table.get(key);
    if (now) this.edited('changed', now, [remote]);
  }

  private insert(key: FdbKey, state: number, flags: number, remote: FdbRemote): void {
    this.journal.touch(key);
    if (this.table.insert(key, state, flags, remote) !== undefined) throw fdbAnswers('No space left on device');
    const now = this.table.get(key);
    if (now) this.edited('changed', now, now.remotes);
  }

  private removeAll(record: FdbRecord): void {
    this.journal.touch(record);
    this.table.remove(record);
    this.edited('deleted', record, record.remotes);
  }

  private removeRemote(key: FdbKey, remote: FdbRemote): void {
    const record = this.table.get(key);
    if (!record?.remotes.some((one) => isSameRemote(one, remote))) return;
    this.journal.touch(key);
    this.table.remove(key, remote);
    this.edited('deleted', record, [remote]);
  }

  /** The interface that a device's `dev` was when it was last looked for; 0: none. */
  lowerIndex({ index }: Pick<FdbDevice, 'index'>): number {
    return this.lowers.get(index) ?? 0;
  }

  /** The interface of that name may be another one by now: whatever left through the former leaves through it. */
  findLower(device: FdbDevice): void {
    const before = this.lowerIndex(device);
    const now = this.lowerOf(optionsOf(device));
    if (now === 0 || now === before) return;
    this.setDevice(device);
    const moved = this.table
      .list(device.index)
      .filter(({ remotes }) => remotes.some(({ ifindex }) => ifindex === before));
    this.table.together(() => {
      for (const record of moved) {
        const remotes = record.remotes.map((one) => (one.ifindex === before ? { ...one, ifindex: now } : one));
        this.table.remove(record);
        this.table.putBack({ ...record, remotes }, this.table.time());
      }
    });
    for (const record of moved) {
      const after = this.table.get(record);
      if (after) this.edited('changed', after, after.remotes);
    }
  }

  private setDevice(device: FdbDevice): void {
    const options = optionsOf(device);
    const lower = this.lowerOf(options);
    this.lowers.set(device.index, lower);
    this.table.setDevice(device.index, options.maxaddress ?? 0, tunnelDefaults(options, lower));
  }

  private addDefault(device: FdbDevice): void {
    const remote = this.defaultRemote(optionsOf(device));
    if (remote) this.addPermanent(this.keyOf(device, ZEROS), remote);
  }

  private addPermanent(key: FdbKey, remote: FdbRemote): void {
    this.journal.touch(key);
    if (this.table.append(key, remote) !== 'none') return;
    this.insert(key, NUD_REACHABLE | NUD_PERMANENT, NTF_SELF, remote);
  }

  private defaultRemote(options: VxlanOptions, lower = this.lowerOf(options)): FdbRemote | undefined {
    const { remote, id = 0 } = options;
    return remote === undefined || isAny(remote) ? undefined : this.defaultOf(options, id, remote, lower);
  }

  private defaultOf({ dstport }: VxlanOptions, vni: number, address: Uint8Array, lower: number): FdbRemote {
    return { address, port: dstport, vni, ifindex: lower };
  }

  private lowerOf({ dev }: VxlanOptions): number {
    return dev === undefined ? 0 : (this.host.links.link(dev)?.index ?? 0);
  }

  private keyOf(device: FdbDevice, mac: Uint8Array, srcVni?: number): FdbKey {
    const { external, id = 0 } = optionsOf(device);
    return { device: device.index, mac, vni: external ? (srcVni ?? 0) : id };
  }

  private remoteOf(device: FdbDevice, { port, vni, via }: FdbDeletion, address: Uint8Array): FdbRemote {
    const { dstport, id = 0 } = optionsOf(device);
    return {
      address,
      port: port ?? dstport,
      vni: vni ?? id,
      ifindex: via === undefined ? 0 : this.ifindexOf(via),
    };
  }

  private ifindexOf(name: string): number {
    const link = this.host.links.link(name);
    if (!link) throw new CommandError(`Cannot find device "${name}"`, 255);
    return link.index;
  }

  private statesOf(device: FdbDevice, record: FdbRecord): FdbEntryState[] {
    const own = optionsOf(device);
    return record.remotes.map((remote) => reportedFdbEntry(this.stateOf(device, record, remote), own));
  }

  /** Somebody has edited an entry, and not a worker or time. */
  private edited(type: 'changed' | 'deleted', record: FdbRecord, remotes: readonly FdbRemote[]): void {
    this.journal.tell(() => this.changed(type, record, remotes));
  }

  private changed(type: 'learned' | 'changed' | 'deleted', record: FdbRecord, remotes: readonly FdbRemote[]): void {
    const device = this.onChange && this.host.device(record.device);
    if (!device) return;
    for (const entry of this.statesOf(device, { ...record, remotes })) this.onChange?.({ type, entry });
  }
}

export type { FdbChange, FdbDevice };
