/**
 * Entries of a vxlan device's forwarding table: what `bridge fdb` says of them and asks for, and which entries its
 * `show` and `flush` mean. The kernel thinks in bits of a neighbour's state (linux/neighbour.h); so do the words.
 */

const NUD_REACHABLE = 0x02;
const NUD_STALE = 0x04;
const NUD_NOARP = 0x40;
const NUD_PERMANENT = 0x80;

/** `permanent` and `static` never age; `dynamic` does, and is what is learned; `stale` is about to go. */
export type FdbState = 'permanent' | 'static' | 'dynamic' | 'stale';

/** As `bridge fdb add` makes them; the kernel makes what is learned REACHABLE. */
export const fdbStateBits: Record<FdbState, number> = {
  permanent: NUD_PERMANENT | NUD_NOARP,
  static: NUD_REACHABLE | NUD_NOARP,
  dynamic: NUD_REACHABLE,
  stale: NUD_STALE,
};

/** The word for the bits of a state, as bridge chooses it. */
export function fdbStateOf(bits: number): FdbState {
  if ((bits & NUD_PERMANENT) !== 0) return 'permanent';
  if ((bits & NUD_NOARP) !== 0) return 'static';
  return (bits & NUD_STALE) !== 0 ? 'stale' : 'dynamic';
}

/** What names an entry, and where it sends. */
export interface FdbDeletion {
  readonly dev: string;
  /** 6 bytes; all zeros: where frames go for which there is no other entry. */
  readonly mac: Uint8Array;
  /** 4 or 16 bytes. */
  readonly dst?: Uint8Array;
  /** UDP port; absent: the device's. */
  readonly port?: number;
  /** VNI to send with; absent: the device's. */
  readonly vni?: number;
  /** VNI of the frames that the entry is for, on an external device; absent: the device's. */
  readonly srcVni?: number;
  /** Lower device, by name. */
  readonly via?: string;
}

/** An entry as typed. */
export interface FdbEntry extends FdbDeletion {
  readonly state: FdbState;
  readonly router?: boolean;
  readonly externLearn?: boolean;
  readonly sticky?: boolean;
}

/**
 * One destination of an entry, as the kernel reports it: port, vni and src_vni are absent where they are the device's
 * own (see `reportedFdbEntry`).
 */
export interface FdbEntryState extends FdbEntry {
  /** Whole seconds since it was used, and since it was changed. */
  readonly used: number;
  readonly updated: number;
  /** Bits of the state, where they are not those that the word has when it is typed. */
  readonly bits?: number;
}

/** What `bridge fdb show` asks for. */
export interface FdbSelector {
  readonly dev?: string;
  /** `state …`, as often as it was said: bits of which an entry has to have one. */
  readonly stateMask?: number;
  /** `dynamic`: what can age. */
  readonly dynamic?: true;
}

/** What `bridge fdb flush` takes away. Of what may be true or false, absent is either. */
export interface FdbFlush {
  readonly dev: string;
  readonly stateBits: number;
  /** Which of `stateBits` count. */
  readonly stateMask: number;
  readonly externLearn?: boolean;
  readonly router?: boolean;
  readonly vni?: number;
  readonly srcVni?: number;
  readonly dst?: Uint8Array;
  readonly port?: number;
  readonly via?: string;
  /** What the kernel answers to a word that only bridges know when the device is none: an exit code of 255. */
  readonly refused?: string;
}

/** VNIs from `first` to `last`, both included. */
export interface VniRange {
  readonly first: number;
  readonly last: number;
}

/** Counters of one VNI. */
export interface VniStatistics {
  readonly rxBytes: number;
  readonly rxPackets: number;
  readonly rxDrops: number;
  readonly rxErrors: number;
  readonly txBytes: number;
  readonly txPackets: number;
  readonly txDrops: number;
  readonly txErrors: number;
}

/** One VNI of a device with `vnifilter`. */
export interface VniState {
  readonly dev: string;
  readonly vni: number;
  /** 4 or 16 bytes. */
  readonly remote?: Uint8Array;
  readonly statistics: VniStatistics;
}

/** The state that the words of `bridge fdb show state` mean, by their names and abbreviations. */
export const fdbStateWords: readonly (readonly [word: string, bits: number])[] = [
  ['permanent', NUD_PERMANENT],
  ['static', NUD_NOARP],
  ['temp', NUD_NOARP],
  ['stale', NUD_STALE],
  ['reachable', NUD_REACHABLE],
  ['dynamic', NUD_REACHABLE],
];

/** What a word of `bridge fdb flush` does to the bits demanded, and which bits count from then on. */
export interface FdbFlushState {
  readonly set: number;
  readonly clear: number;
  readonly mask: number;
}

export const fdbFlushStates = new Map<string, FdbFlushState>([
  ['permanent', { set: NUD_PERMANENT, clear: 0, mask: NUD_PERMANENT }],
  ['nopermanent', { set: 0, clear: NUD_PERMANENT, mask: NUD_PERMANENT }],
  ['static', { set: NUD_NOARP, clear: 0, mask: NUD_NOARP | NUD_PERMANENT }],
  ['nostatic', { set: 0, clear: NUD_NOARP, mask: NUD_NOARP }],
  ['dynamic', { set: 0, clear: NUD_NOARP | NUD_PERMANENT, mask: NUD_NOARP | NUD_PERMANENT }],
  ['nodynamic', { set: NUD_NOARP, clear: 0, mask: NUD_NOARP }],
]);

/** Whether `bridge fdb show` prints an entry. */
export function isFdbShown(
  entry: FdbEntry & { readonly bits?: number },
  { dev, stateMask, dynamic }: FdbSelector,
): boolean {
  const bits = entry.bits ?? fdbStateBits[entry.state];
  return (
    (dev === undefined || entry.dev === dev) &&
    (stateMask === undefined || (bits & stateMask) !== 0) &&
    (dynamic !== true || entry.state !== 'permanent')
  );
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/**
 * Whether `bridge fdb flush` takes an entry away (vxlan_flush of the kernel). `entry` is whole: its port and VNIs are
 * there, the device's where they are no others.
 */
export function isFdbFlushed(entry: FdbEntry & { readonly bits?: number }, flush: FdbFlush): boolean {
  const { dev, externLearn, router, vni, srcVni, dst, port, via } = flush;
  return (
    entry.dev === dev &&
    (((entry.bits ?? fdbStateBits[entry.state]) ^ flush.stateBits) & flush.stateMask) === 0 &&
    (externLearn === undefined || (entry.externLearn ?? false) === externLearn) &&
    (router === undefined || (entry.router ?? false) === router) &&
    (vni === undefined || entry.vni === vni) &&
    (srcVni === undefined || entry.srcVni === srcVni) &&
    (dst === undefined || (entry.dst !== undefined && equalBytes(entry.dst, dst))) &&
    (port === undefined || entry.port === port) &&
    (via === undefined || entry.via === via)
  );
}

/**
 * An entry as the kernel reports it (vxlan_fdb_info): without the port and the VNI when they are the device's, with
 * src_vni on an external device alone, and there unless it is 0.
 */
export function reportedFdbEntry<E extends FdbEntry>(
  entry: E,
  device: { readonly external: boolean; readonly id?: number; readonly dstport: number },
): E {
  const { port, vni, srcVni, ...rest } = entry;
  return {
    ...rest,
    ...(port !== undefined && port !== device.dstport && { port }),
    ...(vni !== undefined && vni !== (device.id ?? 0) && { vni }),
    ...(device.external && srcVni !== undefined && srcVni !== 0 && { srcVni }),
  } as E;
}
