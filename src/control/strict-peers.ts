/**
 * `--strict-peers`: who may send to each vxlan device, kept as rules and the forwarding table say, and told to the
 * workers when they change. Peers are
 * - what a filter at the device's ingress names by enc_src_ip, under its mask;
 * - the unicast destinations of the device's forwarding entries that somebody has made, its `remote` and those of its
 *   VNIs among them; what was learned names nobody;
 * - what --peer names, for every device.
 * A group names nobody: whoever sends to it has to be named otherwise. An edit costs no more than what it says; where it
 * makes or ends a peer the device's peers are written anew, once for all that a command or a batch says. What is learned
 * comes and goes for nothing, and makes nobody a peer where it moves an entry that somebody has made: what counts is
 * what was said.
 */
import type { ClassifierSnapshot, ClassifierTable, Rule } from '../classifier/classifier.js';
import { KeyWord } from '../classifier/flow-key.js';
import type { Instruction } from '../dataplane/messages.js';
import { type OwnAddress, type Peer, peerWords } from '../dataplane/peer-table.js';
import type { FdbKey, FdbListener } from '../devices/fdb-records.js';
import { formatIp, formatMac, isIpMulticast, parseIp } from '../iproute/address.js';
import type { VxlanOptions } from '../iproute/commands.js';
import { isAny } from './fdb-entries.js';

/** What peers are read from, and who is told of them. */
export interface StrictPeersAround {
  /** The options of the vxlan device of an index. */
  options(device: number): VxlanOptions | undefined;
  apply(instruction: Extract<Instruction, { readonly type: 'peers' }>): Promise<void>;
}

/** The peers of one device. */
interface Named {
  /** Of forwarding entries. */
  readonly fdb: PeerCounts;
  readonly rules: PeerCounts;
  /** The peers that each entry names, by its name; some more than once. */
  readonly entries: Map<string, string[]>;
}

export class StrictPeers implements FdbListener {
  private readonly around: StrictPeersAround;
  private readonly everywhere: readonly Peer[];
  private readonly named = new Map<number, Named>();
  private readonly changed = new Set<number>();

  /** `everywhere`: peers of every device. */
  constructor(around: StrictPeersAround, everywhere: readonly Peer[]) {
    this.around = around;
    this.everywhere = everywhere;
  }

  said(key: FdbKey, address: Uint8Array): void {
    const peer = peerAt(address);
    if (!peer) return;
    const { entries, fdb } = this.of(key.device);
    const peers = entries.get(nameOf(key));
    const name = formatIp(address);
    if (peers) peers.push(name);
    else entries.set(nameOf(key), [name]);
    if (fdb.add(name, peer)) this.changed.add(key.device);
  }

  unsaid(key: FdbKey, address?: Uint8Array): void {
    const { entries } = this.of(key.device);
    const name = nameOf(key);
    const peers = entries.get(name);
    if (!peers) return;
    if (address === undefined) {
      entries.delete(name);
      for (const peer of peers) this.drop(key.device, peer);
      return;
    }
    const peer = formatIp(address);
    const at = peers.indexOf(peer);
    if (at < 0) return;
    peers.splice(at, 1);
    this.drop(key.device, peer);
  }

  saidOf(key: FdbKey): Uint8Array[] {
    const peers = this.of(key.device).entries.get(nameOf(key)) ?? [];
    return peers.flatMap((peer) => parseIp(peer) ?? []);
  }

  private drop(device: number, name: string): void {
    if (this.of(device).fdb.drop(name)) this.changed.add(device);
  }

  /** A device has gone. Rules of one that is made anew in its place stay; what it sent to does not. */
  removed(device: number): void {
    const { rules } = this.of(device);
    this.named.set(device, newNamed(rules));
    this.changed.add(device);
  }

  /** A device is new, or has other options. */
  touch(device: number): void {
    this.changed.add(device);
  }

  /** A classifier's table that notes whom the rules at a device's ingress name. */
  watch(device: number, table: ClassifierTable): ClassifierTable {
    const { rules } = this.of(device);
    return new WatchedTable(table, rules, () => this.changed.add(device));
  }

  /** Tells the workers of what has changed; resolves when it is in force. */
  async settle(): Promise<void> {
    if (this.changed.size === 0) return;
    const devices = [...this.changed];
    this.changed.clear();
    await Promise.all(devices.map((device) => this.publish(device)));
  }

  private async publish(device: number): Promise<void> {
    const options = this.around.options(device);
    const { fdb, rules } = this.of(device);
    if (!options) {
      await this.around.apply({ type: 'peers', device });
      return;
    }
    const peers = [...this.everywhere, ...fdb.values(), ...rules.values()];
    await this.around.apply({ type: 'peers', device, words: peerWords(peers, ownAddress(options)) });
  }

  private of(device: number): Named {
    let named = this.named.get(device);
    if (!named) {
      named = newNamed(new PeerCounts());
      this.named.set(device, named);
    }
    return named;
  }
}

function newNamed(rules: PeerCounts): Named {
  return { fdb: new PeerCounts(), rules, entries: new Map() };
}

/** An entry's, within its device. */
function nameOf({ mac, vni }: FdbKey): string {
  return `${vni} ${formatMac(mac)}`;
}

/** Peers by name, each with the number of those that name it. */
class PeerCounts {
  private readonly counts = new Map<string, { readonly peer: Peer; by: number }>();

  *values(): Generator<Peer> {
    for (const { peer } of this.counts.values()) yield peer;
  }

  /** Whether it is new. */
  add(name: string, peer: Peer): boolean {
    const there = this.counts.get(name);
    if (there) there.by++;
    else this.counts.set(name, { peer, by: 1 });
    return there === undefined;
  }

  /** Whether nobody names it any more. */
  drop(name: string): boolean {
    const there = this.counts.get(name);
    if (!there || --there.by > 0) return false;
    this.counts.delete(name);
    return true;
  }
}

/** Passes everything on to a table, and counts the peers of what is in it. */
class WatchedTable implements ClassifierTable {
  private readonly table: ClassifierTable;
  private readonly counts: PeerCounts;
  private readonly changed: () => void;
  /** Whom each rule names. */
  private readonly names = new Map<number, string>();

  constructor(table: ClassifierTable, counts: PeerCounts, changed: () => void) {
    this.table = table;
    this.counts = counts;
    this.changed = changed;
  }

  get size(): number {
    return this.table.size;
  }

  insert(rule: Rule): void {
    this.table.insert(rule);
    this.note(rule);
  }

  remove(id: number): boolean {
    const was = this.table.remove(id);
    this.forget(id);
    return was;
  }

  replace(id: number, rule: Rule): void {
    this.table.replace(id, rule);
    this.forget(id);
    this.note(rule);
  }

  publish(): ClassifierSnapshot {
    return this.table.publish();
  }

  private note(rule: Rule): void {
    const peer = peerOfRule(rule);
    if (!peer) return;
    const name = `${peer.family} ${peer.address} ${peer.mask}`;
    this.names.set(rule.id, name);
    if (this.counts.add(name, peer)) this.changed();
  }

  private forget(id: number): void {
    const name = this.names.get(id);
    if (name === undefined) return;
    this.names.delete(id);
    if (this.counts.drop(name)) this.changed();
  }
}

/** Whom a rule names; undefined: nobody, where it says nothing of the sender, or everybody (`enc_src_ip 0.0.0.0/0`). */
function peerOfRule({ key, mask }: Rule): Peer | undefined {
  const from = KeyWord.ENC_SRC_IP;
  const bits = mask.slice(from, from + 4);
  if (bits.every((word) => word === 0)) return undefined;
  const address = key.slice(from, from + 4).map((word, n) => word & (bits[n] ?? 0));
  return { family: key[KeyWord.ENC_FAMILY] === 6 ? 6 : 4, address, mask: bits };
}

/** One address, unless it is none that anybody sends from. */
function peerAt(address: Uint8Array): Peer | undefined {
  return isAny(address) || isIpMulticast(address)
    ? undefined
    : peerOf(address, new Uint8Array(address.length).fill(0xff));
}

/** An address under a mask, both of 4 or 16 bytes in network order. */
export function peerOf(address: Uint8Array, mask: Uint8Array): Peer {
  const bits = wordsOf(mask);
  return {
    family: address.length === 4 ? 4 : 6,
    address: wordsOf(address).map((word, n) => word & (bits[n] ?? 0)),
    mask: bits,
  };
}

function ownAddress({ local }: VxlanOptions): OwnAddress | undefined {
  if (local === undefined || isAny(local)) return undefined;
  return { family: local.length === 4 ? 4 : 6, address: wordsOf(local) };
}

function wordsOf(bytes: Uint8Array): Int32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const words = new Int32Array(4);
  for (let w = 0; w * 4 < bytes.length; w++) words[w] = view.getInt32(w * 4);
  return words;
}
