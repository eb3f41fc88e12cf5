/** What the control thread and a worker say to each other. Everything posted is plain data or shared memory. */
import type { ActionPrograms } from '../actions/program.js';
import type { ClassifierSnapshot } from '../classifier/classifier.js';
import type { FramePort } from '../io/device.js';
import type { PacketSocket } from '../io/packet/open-packet.js';
import type { TapQueue } from '../io/tap/tap-queue.js';
import type { TunnelGsoParts } from '../io/tunnel-gso/tunnel-gso.js';
import type { UnderlayParts } from '../io/underlay-parts.js';
import type { CaptureFilter } from './capture-taps.js';
import type { RestoredCounts } from './restored-counts.js';

/** The filters of one hook; `snapshot` is absent where the hook has gone. */
export interface HookRules {
  readonly device: number;
  /** AT_INGRESS or AT_EGRESS. */
  readonly direction: number;
  readonly snapshot?: ClassifierSnapshot;
}

export type Instruction =
  /** A TAP: each worker has its place of `queues`, whose descriptors stay the control thread's to close. */
  | {
      readonly type: 'port-open';
      readonly device: number;
      readonly queues: readonly TapQueue[];
      readonly offloads: number;
    }
  /** An interface of the host that is only sent to; the socket stays the control thread's to close. */
  | { readonly type: 'output-open'; readonly device: number; readonly socket: PacketSocket; readonly offloads: number }
  | { readonly type: 'output-close'; readonly device: number }
  | { readonly type: 'port-close'; readonly device: number }
  /** A port that is an object of this process, for a worker on the caller's thread: it cannot be sent to another. */
  | { readonly type: 'port-give'; readonly device: number; readonly port: FramePort }
  /**
   * Underlays have numbers of their own, for devices may share one. What they receive is `owner`'s, or by VNI the
   * `takers`' (TAKER_WORDS words each); the owner counts what is nobody's.
   */
  | {
      readonly type: 'underlay-open';
      readonly underlay: number;
      /** Each worker's. */
      readonly parts: readonly UnderlayParts[];
      readonly owner: number;
      readonly takers?: Int32Array;
    }
  /** Other takers. */
  | {
      readonly type: 'underlay-serve';
      readonly underlay: number;
      readonly owner: number;
      readonly takers?: Int32Array;
    }
  | { readonly type: 'underlay-close'; readonly underlay: number }
  /** Through which underlay a device sends; -1: none. */
  | { readonly type: 'underlay-use'; readonly device: number; readonly underlay: number }
  /** The host's neighbours on devices with `proxy`: NEIGHBOUR_WORDS words each, in the place of those before. */
  | { readonly type: 'neighbours'; readonly neighbours: Int32Array }
  /** Replaces the hooks named, and all programs, between two batches: the frames see the old rules or the new. */
  | { readonly type: 'rules'; readonly programs: ActionPrograms; readonly hooks: readonly HookRules[] }
  /**
   * The TAPs of a mirror receiver, pairs of VNI and device, in the place of those before; and VNIs asked for that get
   * none, pairs of VNI and reason.
   */
  | {
      readonly type: 'mirror-taps';
      readonly device: number;
      readonly taps: Int32Array;
      readonly refused: Int32Array;
    }
  /** One more slab of action counters for each worker. */
  | { readonly type: 'action-counters'; readonly slabs: readonly SharedArrayBuffer[] }
  /** One more slab of token buckets, the same for all. */
  | { readonly type: 'buckets'; readonly slab: SharedArrayBuffer }
  /** What is captured, in the place of what was; of each capture every worker has a ring. */
  | {
      readonly type: 'captures';
      readonly captures: readonly { readonly filter: CaptureFilter; readonly rings: readonly SharedArrayBuffer[] }[];
    }
  /** What an earlier endpoint has counted goes to the first worker's counters. */
  | { readonly type: 'restore-counts'; readonly counts: RestoredCounts }
  /** What full queues have lost up to now is counted. */
  | { readonly type: 'count-overflows' }
  /** Who may send to a device, with `strictPeers`: words of peer-table.ts; absent: nobody. */
  | { readonly type: 'peers'; readonly device: number; readonly words?: Int32Array }
  /** Gives up what only this thread can give up of its rights; the control thread does the rest. */
  | { readonly type: 'confine' }
  | { readonly type: 'stop' };

export type ToWorker = Instruction & { readonly sequence: number };

export type FromWorker =
  /** `thread`: the kernel's id of the worker's. */
  | { readonly type: 'ready'; readonly thread?: string }
  /** Every instruction up to this one is in force. */
  | { readonly type: 'applied'; readonly sequence: number }
  | { readonly type: 'refused'; readonly sequence: number; readonly message: string }
  /** A TAP's descriptor can no longer be read: EBADFD where the device is gone. The worker has let go of it. */
  | { readonly type: 'port-gone'; readonly device: number; readonly errno: number }
  /** Frames have met the action `simple` of this id; said at most once a second. */
  | { readonly type: 'note'; readonly action: number }
  /** Super-frames are no longer handed to the kernel whole: a write answered so. Said once. */
  | { readonly type: 'tunnel-gso-failed'; readonly errno: number }
  /** The forwarding table has notices for the control thread. */
  | { readonly type: 'fdb-notices' }
  /** VNIs have arrived at mirror receivers that have no TAP there: pairs of device and VNI, each to be answered. */
  | { readonly type: 'mirror-wanted'; readonly wanted: Int32Array }
  /**
   * The thread dies of an error, which follows. `drops`: what receive queues have lost is counted up to here, by
   * descriptor.
   */
  | {
      readonly type: 'dying';
      readonly drops: readonly (readonly [fd: number, count: number])[];
    }
  | { readonly type: 'stopped' };

/** What a worker is started with. */
export interface WorkerStart {
  /** 0 … one less than there are workers. */
  readonly number: number;
  /** The processor that it keeps to; -1: any. */
  readonly cpu: number;
  /** Microseconds of looking for more work before it sleeps. */
  readonly busyPoll: number;
  /** Its own. */
  readonly counters: SharedArrayBuffer;
  readonly devices: SharedArrayBuffer;
  /** The forwarding table. */
  readonly fdb: SharedArrayBuffer;
  /** What routers have said of the path (path-mtu.ts). */
  readonly pathMtus: SharedArrayBuffer;
  /** Counters of VNIs: its own. */
  readonly vniCounters: SharedArrayBuffer;
  /** Where it shows that it turns its rounds (heartbeat.ts): its own. */
  readonly heartbeat: SharedArrayBuffer;
  /** Written by the control thread when instructions wait. */
  readonly wakeFd: number;
  readonly coalesce: boolean;
  /** Whether a device takes datagrams only from peers that it was told of. */
  readonly strictPeers: boolean;
  /** What super-frames are handed to the kernel through; absent: nothing. */
  readonly tunnelGso?: TunnelGsoParts;
  /** Where action sample writes (memory/sample-ring.ts): its own. */
  readonly samples: SharedArrayBuffer;
  /** Where the last frames of each reason are kept (memory/drop-ring.ts): its own. */
  readonly drops: SharedArrayBuffer;
}
