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
} from '../devices/fdb-layout.js';
import type { FdbKey, FdbRecord, FdbRecords, FdbRemote } from '../devices/fdb-records.js';
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
} from '../iproute/fdb-types.js';
import { DefaultRemotes } from './default-remotes.js';
import type { LinkSource } from './device-registry.js';
import { FdbContents } from './fdb-contents.js';
import { addressBytes, type FdbChange, type FdbDevice, flagsOf, isAny, isUnicast, optionsOf } from './fdb-entries.js';
import { FdbJournal } from './fdb-journal.js';
import { FdbUpkeep, TICKS } from './fdb-upkeep.js';
import { fdbAnswers, fdbRefused } from './refusal.js';
import { tunnelDefaults } from './tunnel-defaults.js';

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
  /** Where devices send to by themselves. */
  readonly remotes: DefaultRemotes;
  /** What happens by itself. */
  readonly upkeep: FdbUpkeep;
  /** Tables as a whole: for files and transactions. */
  readonly contents: FdbContents;

  constructor(table: FdbRecords, host: ForwardingHost) {
    this.table = table;
    this.journal = new FdbJournal(table);
    this.host = host;
    this.remotes = new DefaultRemotes(host.links);
    this.contents = new FdbContents(table, this.journal, (type, record) => this.edited(type, record, record.remotes));
    this.upkeep = new FdbUpkeep(table, {
      device: (index) => host.device(index),
      tell: (change) => this.onChange?.(change),
      changed: (type, record, remotes) => this.changed(type, record, remotes),
    });
  }

  close(): void {
    this.upkeep.close();
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
    const { remote, ageing } = optionsOf(device);
    if (ageing !== before.ageing) this.upkeep.age();
    if (`${remote}` === `${before.remote}`) return;
    this.addDefault(device);
    const old = this.remotes.own(before);
    if (old) this.removeRemote(this.keyOf(device, ZEROS), old);
  }

  /** Frames of a VNI of a filter without another entry go to `after`, and no longer to `before`. */
  redirect(device: FdbDevice, vni: number, before: Uint8Array | undefined, after: Uint8Array | undefined): void {
    const key = this.keyOf(device, ZEROS, vni);
    if (after) this.addPermanent(key, this.remotes.ofVni(device, vni, after));
    if (before) this.removeRemote(key, this.remotes.ofVni(device, vni, before));
  }

  /** A device is up: it learns from now on. */
  open(device: FdbDevice): void {
    this.table.setOpen(device.index, true);
    this.findLower(device);
    this.upkeep.age();
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
    this.remotes.end(device);
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
    return [...this.each(device)];
  }

  /** The same, each read when it is asked for; those that are there now. */
  each(device: FdbDevice): Iterable<FdbEntryState> {
    const records = this.table.each(device.index);
    const states = (record: FdbRecord): FdbEntryState[] => this.statesOf(device, record);
    return (function* () {
      for (const record of records) yield* states(record);
    })();
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
      ...(ifindex !== 0 && { via: this.remotes.nameOf(device, ifindex) }),
      ...((flags & NTF_ROUTER) !== 0 && { router: true }),
      ...((flags & NTF_EXT_LEARNED) !== 0 && { externLearn: true }),
      ...((flags & NTF_STICKY) !== 0 && { sticky: true }),
      used: Math.floor(used / TICKS),
      updated: Math.floor(updated / TICKS),
    };
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

  /** The interface of that name may be another one by now: whatever left through the former leaves through it. */
  findLower(device: FdbDevice): void {
    const before = this.remotes.lowerIndex(device);
    const now = this.remotes.lowerOf(optionsOf(device));
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
    const lower = this.remotes.find(device);
    this.table.setDevice(device.index, options.maxaddress ?? 0, tunnelDefaults(options, lower));
  }

  private addDefault(device: FdbDevice): void {
    const remote = this.remotes.own(optionsOf(device));
    if (remote) this.addPermanent(this.keyOf(device, ZEROS), remote);
  }

  private addPermanent(key: FdbKey, remote: FdbRemote): void {
    this.journal.touch(key);
    if (this.table.append(key, remote) !== 'none') return;
    this.insert(key, NUD_REACHABLE | NUD_PERMANENT, NTF_SELF, remote);
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
