/** What programs are told, as plain data. */

import type { FrameBatch } from './frame-batch.js';
import type { DropReason } from './reasons.js';

export interface EndpointOptions {
  /**
   * `process` (the default): devices are objects of this process, and no rights are needed. `host`: vxlan devices and
   * TAPs appear on the host, as with `vtep run`; that takes CAP_NET_ADMIN. Devices with functions are of the process
   * either way.
   */
  readonly devices?: 'process' | 'host';
  /**
   * `udp` (the default): sockets of this network namespace. A function: whole outer IP packets, in memory; it is called
   * with those that are sent (the array and the bytes are the caller's), and `deliver` takes those that arrive. Then
   * the kernel is asked nothing.
   */
  readonly underlay?: 'udp' | PacketSender;
  /** Lines of ip, tc and bridge to begin with; all of them or, with an error, no endpoint. */
  readonly batch?: string | readonly string[];
  /**
   * Threads of their own for the datapath, which leaves the caller's alone and is faster; with `devices: 'host'` only.
   * 0 (the default): it runs on the caller's thread, where functions are.
   */
  readonly workers?: number;
  /**
   * Path of a control socket, by which `vtep tc …` and the like reach this endpoint; true: the namespace's own. Default: true with
   * `devices: 'host'`, else none.
   */
  readonly control?: string | boolean;
  /**
   * Is told what happens that nobody asked for, a line each; so are errors that no reader of events is told of. Default:
   * nobody is.
   */
  readonly log?: (line: string) => void;
  /**
   * Bytes for frames that are given to a device of the process, and for packets that are delivered to a vxlan device,
   * faster than they come in: 65,536 or more; 4 MiB.
   */
  readonly queueBytes?: number;
  /**
   * Keeps functions to the rules, for tests and while a program is written: they are handed copies, which are taken away
   * when they return. What is changed without `writable(i)`, or written where no frame stands, costs the batch
   * (`action-failed`) and is told as an error; what was kept is empty, and its methods throw. Default: false, for it
   * takes time.
   */
  readonly checked?: boolean;
  /** What chance (`random`, `sample`) begins with, for what is to come out the same each time: 1 … 2^32-1. */
  readonly seed?: number;
}

/** Takes outer IP packets that an endpoint sends. It may be async: nobody waits for it, and where it rejects, an event `error` tells of it. */
export type PacketSender = (packets: Uint8Array[]) => void | Promise<void>;

/** Takes what leaves through a device. */
export interface DeviceHandlers {
  /**
   * Called with the frames of a batch; they are borrowed until it returns, so that it must not be async. Where it
   * throws, the frames are counted as `action-failed` and an event `error` tells of it. Absent: frames are counted as
   * `process-unread`.
   */
  transmit?(batch: FrameBatch, device: Device): void;
}

/** A device of the process. */
export interface Device {
  readonly name: string;
  /**
   * Has a frame come in on the device, as if the host had sent it there: at its ingress filters, or on a vxlan device
   * into the tunnel. The bytes are copied. False where its queue is full: the frame is counted as `process-full`.
   */
  send(frame: Uint8Array): boolean;
  /** As `send` for each; returns how many found room. */
  sendAll(frames: Iterable<Uint8Array>): number;
  /** Counts frames of this device, which the caller has not sent on, under a reason. */
  drop(reason: DropReason, frames?: number): void;
  /** Removes the device, and its filters with it. Safe to call twice. */
  close(): Promise<void>;
}

/** Counts of a link, as `ip -s link` shows them. */
export interface LinkCounters {
  readonly packets: number;
  readonly bytes: number;
  readonly errors: number;
  readonly dropped: number;
}

export interface Link {
  readonly name: string;
  readonly ifindex: number;
  readonly kind: 'vxlan' | 'tap';
  readonly up: boolean;
  /** Bytes. */
  readonly mtu: number;
  /** As 02:00:00:00:00:01. */
  readonly address: string;
  readonly received: LinkCounters;
  readonly sent: LinkCounters;
}

/** As `tc -j` prints it: a number or text, of ranges of ports both ends; `num_of_vlans` and other numbers as such. */
export type FilterKeyValue = string | number | boolean | { readonly start: number; readonly end: number };
/** What a filter matches, by the names that `tc -j` gives them: `dst_mac`, `enc_key_id`, `dst_port`, … */
export type FilterKeys = Readonly<Record<string, FilterKeyValue>>;

/** An action of a filter, as `tc -s -j` prints it: of each kind its own fields, by their names there. */
export interface FilterAction {
  readonly order: number;
  readonly kind: string;
  readonly index: number;
  readonly control_action?: { readonly type: string; readonly [more: string]: unknown };
  readonly stats?: {
    readonly bytes: number;
    readonly packets: number;
    readonly drops: number;
    readonly overlimits: number;
    readonly requeues: number;
  };
  readonly [more: string]: unknown;
}

/** A filter, as `tc -s -j filter show` prints it. */
export interface Filter {
  readonly protocol: string;
  readonly pref: number;
  readonly chain: number;
  readonly handle: number;
  readonly keys: FilterKeys;
  readonly actions: readonly FilterAction[];
}

export interface FdbEntry {
  readonly device: string;
  readonly mac: string;
  readonly state: string;
  /** Where frames for it go; absent: nowhere. */
  readonly peer?: string;
  readonly port?: number;
  readonly vni?: number;
}

/** Frames of a device that ended elsewhere than where they were sent. */
export interface Drop {
  readonly device: string;
  readonly reason: string;
  /** `pass`: they were not lost. */
  readonly verdict: 'drop' | 'pass';
  readonly count: number;
  readonly sentence: string;
}

/** What a worker has done since the start. */
export interface WorkerCounts {
  readonly worker: number;
  readonly receivedDatagrams: number;
  readonly sentDatagrams: number;
  readonly framesRead: number;
  readonly framesWritten: number;
  readonly lookups: number;
  readonly cacheHits: number;
}

export type EndpointEvent =
  /** A forwarding entry was learned, or moved to another peer. */
  | ({ readonly type: 'learned' } & FdbEntry)
  /** One was forgotten, for nobody had been heard of it in `ageing` seconds. */
  | ({ readonly type: 'aged' } & FdbEntry)
  /** A device is new, or other than it was. */
  | { readonly type: 'link'; readonly device: string; readonly up: boolean; readonly mtu: number }
  | { readonly type: 'link-deleted'; readonly device: string }
  /** Frames that were dropped since the last such event of this device and reason. Looked for once a second. */
  | {
      readonly type: 'dropped';
      readonly device: string;
      readonly reason: string;
      readonly count: number;
      readonly sentence: string;
    }
  /**
   * A function of the program threw this: `source` is `action "NAME"`, `device "NAME"` or `underlay`. Or the whole
   * datapath has failed (`datapath`), and nothing comes in any more.
   */
  | { readonly type: 'error'; readonly source: string; readonly error: unknown }
  /** So many events are missing here: they came faster than they were read. */
  | { readonly type: 'lost'; readonly count: number };

export type EventType = EndpointEvent['type'];
