/**
 * Where things stand in the shared memory of the forwarding table: see fdb-store.ts for what they are. All words are
 * 32 bits; an entry, a remote and a device are rows of words.
 */
import { MAX_DEVICES } from '../memory/counters.js';
import { LOCK_WORDS } from '../memory/shared-lock.js';
import { TUNNEL_WORDS } from '../memory/tunnel.js';

/** Entries of all devices together. */
export const FDB_ENTRIES = 131_072;
/** Destinations of all entries: one for each, and these for replication lists. */
export const FDB_REMOTES = FDB_ENTRIES + 32_768;
/** Destinations of one entry: a frame becomes no more datagrams than this. */
export const ENTRY_REMOTES = 1_024;
/** Twice the entries, so that probes stay short. A power of two. */
export const FDB_SLOTS = 2 * FDB_ENTRIES;
/** Notices that wait for the control thread. A power of two. */
export const FDB_EVENTS = 1_024;

/** States of an entry: the kernel's NUD_* (linux/neighbour.h). */
export const NUD_REACHABLE = 0x02;
export const NUD_STALE = 0x04;
export const NUD_NOARP = 0x40;
export const NUD_PERMANENT = 0x80;

/** Flags of an entry: the kernel's NTF_*. */
export const NTF_SELF = 0x02;
export const NTF_EXT_LEARNED = 0x10;
export const NTF_STICKY = 0x40;
export const NTF_ROUTER = 0x80;
/** Made by a command (the kernel's NTF_VXLAN_ADDED_BY_USER). */
export const ADDED_BY_USER = 0x100;

export const HeaderWord = {
  LOCK: 0,
  /** Entries and remotes that were never used, from here on; and the first of those given back, + 1. */
  FRESH_ENTRY: LOCK_WORDS,
  FRESH_REMOTE: LOCK_WORDS + 1,
  FREE_ENTRY: LOCK_WORDS + 2,
  FREE_REMOTE: LOCK_WORDS + 3,
  /** Counts entries as they are made. */
  SERIAL: LOCK_WORDS + 4,
  /** Of the hash: another one each time, so that nobody can choose addresses that collide. */
  SEED: LOCK_WORDS + 5,
  /** Events written and read since the start (they wrap), and those that found no room. */
  EVENTS_WRITTEN: LOCK_WORDS + 6,
  EVENTS_READ: LOCK_WORDS + 7,
  EVENTS_LOST: LOCK_WORDS + 8,
  /** Whether the control thread has been told that there are events. */
  TOLD: LOCK_WORDS + 9,
  /** A double: the time of day (ms) from which the table's time is counted. */
  EPOCH: 16,
} as const;
const HEADER_WORDS = 32;

/** A slot of the hash: the hash itself, and the entry + 1 (0: empty). */
export const SLOT_WORDS = 2;

export const EntryWord = {
  IN_USE: 0,
  /** The first four bytes of the address, signed, and the last two. */
  MAC_HIGH: 1,
  MAC_LOW: 2,
  DEVICE: 3,
  /** VNI of the frames that it is for; the device's own on a device of one VNI. */
  VNI: 4,
  STATE: 5,
  FLAGS: 6,
  /** Tenths of seconds of the table's time: last looked up to send, and last heard of or changed. */
  USED: 7,
  UPDATED: 8,
  /** First remote, and how many there are. */
  REMOTE: 9,
  REMOTES: 10,
  /** Entries are listed from the youngest to the oldest. */
  SERIAL: 11,
  HASH: 12,
  /** The next one of those given back, + 1. */
  NEXT_FREE: 13,
} as const;
export const ENTRY_WORDS = 16;

export const RemoteWord = {
  /** Four words as in a tunnel record. */
  IP: 0,
  /** 4 or 6. */
  FAMILY: 4,
  PORT: 5,
  VNI: 6,
  /** Interface to leave by; 0: the route's. */
  IFINDEX: 7,
  /** The next remote of the entry, or of those given back, + 1. */
  NEXT: 8,
} as const;
export const REMOTE_WORDS = 12;

export const DeviceWord = {
  /** A tunnel record: what a remote does not say itself. */
  DEFAULTS: 0,
  ENTRIES: TUNNEL_WORDS,
  /** Most entries; 0: no limit of its own. */
  LIMIT: TUNNEL_WORDS + 1,
  /** Whether addresses may be learned: the device is up. */
  OPEN: TUNNEL_WORDS + 2,
} as const;
export const DEVICE_WORDS = 24;

export const EventWord = {
  /** A value of FdbEventKind. */
  KIND: 0,
  DEVICE: 1,
  MAC_HIGH: 2,
  MAC_LOW: 3,
  VNI: 4,
  STATE: 5,
  FLAGS: 6,
  /** The words of a remote but NEXT. */
  REMOTE: 7,
} as const;
export const EVENT_WORDS = 16;

export const FdbAt = {
  HEADER: 0,
  DEVICES: HEADER_WORDS,
  EVENTS: HEADER_WORDS + MAX_DEVICES * DEVICE_WORDS,
  SLOTS: HEADER_WORDS + MAX_DEVICES * DEVICE_WORDS + FDB_EVENTS * EVENT_WORDS,
  ENTRIES: HEADER_WORDS + MAX_DEVICES * DEVICE_WORDS + FDB_EVENTS * EVENT_WORDS + FDB_SLOTS * SLOT_WORDS,
  REMOTES:
    HEADER_WORDS +
    MAX_DEVICES * DEVICE_WORDS +
    FDB_EVENTS * EVENT_WORDS +
    FDB_SLOTS * SLOT_WORDS +
    FDB_ENTRIES * ENTRY_WORDS,
} as const;
export const FDB_WORDS = FdbAt.REMOTES + FDB_REMOTES * REMOTE_WORDS;

/** What a worker has to tell the control thread. */
export const FdbEventKind = {
  /** An address is new, or has moved. */
  LEARNED: 1,
  /** No entry for an address (`l2miss`). */
  L2_MISS: 2,
  /** No neighbour for an IP address (`l3miss`): it stands in the remote's words. */
  L3_MISS: 3,
} as const;
