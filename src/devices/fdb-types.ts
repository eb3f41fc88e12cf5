/** The forwarding table as the control thread sees it: plain records, and why an edit is refused. */

/** One destination. */
export interface FdbRemote {
  /** 4 or 16 bytes, network order. */
  readonly address: Uint8Array;
  readonly port: number;
  readonly vni: number;
  /** 0: the route's. */
  readonly ifindex: number;
}

/** What names an entry. */
export interface FdbKey {
  readonly device: number;
  /** 6 bytes. */
  readonly mac: Uint8Array;
  readonly vni: number;
}

export interface FdbRecord extends FdbKey {
  /** Bits of NUD_*. */
  readonly state: number;
  /** Bits of NTF_*, and ADDED_BY_USER. */
  readonly flags: number;
  /** Tenths of seconds ago. */
  readonly used: number;
  readonly updated: number;
  readonly remotes: readonly FdbRemote[];
}

/** An entry with its place in the list: the larger, the younger. */
export interface FdbListed extends FdbRecord {
  readonly serial: number;
  /** What somebody has said of it, wherever learning has moved it; of `get`, where there is a listener. */
  readonly said?: readonly Uint8Array[];
}

export type FdbNotice =
  | { readonly kind: 'learned'; readonly record: FdbRecord }
  | { readonly kind: 'l2-miss'; readonly device: number; readonly mac: Uint8Array }
  | { readonly kind: 'l3-miss'; readonly device: number; readonly address: Uint8Array }
  /** So many found no room in the ring. */
  | { readonly kind: 'lost'; readonly count: number };

/** Why an edit was refused; nothing has changed then. */
export type FdbRefusal = 'exists' | 'none' | 'full' | 'too-many-remotes' | 'not-unicast';

/**
 * Is told of edits of the control thread's, before they are in force: of destinations that somebody has said, that is. What
 * workers learn is nobody's saying, also where it moves an entry that somebody has made.
 */
export interface FdbListener {
  said(key: FdbKey, address: Uint8Array): void;
  /** It has gone; without an address all that was said of the entry. */
  unsaid(key: FdbKey, address?: Uint8Array): void;
  /** What was said of an entry, and is not unsaid. */
  saidOf(key: FdbKey): readonly Uint8Array[];
}

export function isSameRemote(a: FdbRemote, b: FdbRemote): boolean {
  return a.port === b.port && a.vni === b.vni && a.ifindex === b.ifindex && Buffer.compare(a.address, b.address) === 0;
}
