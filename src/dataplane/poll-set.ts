/**
 * The descriptors that a worker waits on, an epoll set, and what each of them stands for. epoll and not ppoll: the
 * kernel looks at those that are ready, and not at every one with every call (0.5 µs instead of 2 with four of them).
 *
 * A descriptor that has failed (EPOLLERR, EPOLLHUP) may be ready for ever, and have nothing: who has so often in a row is
 * left alone for a second. Nobody can bring that about from outside by sending something: what merely looked like a
 * datagram, and was none, comes without those events.
 */
import type { Arena } from '../memory/arena.js';
import { must } from '../native/errno.js';
import { close, epollCreate, epollCtl, epollWait } from '../native/libc.js';
import {
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
} from '../native/socket-constants.js';
import { EpollEvent } from '../native/structs.js';

/** What stands behind a descriptor of the set; NONE: it has been taken out. */
export const POLL_DEVICE = { CONTROL: 0, UNDERLAY: 1, PORT: 2, NONE: 3 } as const;

const MAX_DESCRIPTORS = 4096;
/** Entries that one `wait` reports; the others have their turn with the next. */
const EVENTS = 64;
/** Turns in vain of a descriptor that has failed, until it is left alone, and for how many milliseconds. */
const MOST_VAIN = 16;
const PAUSE_MS = 1000;

export class PollSet {
  private readonly arena: Arena;
  private readonly epollFd: number;
  private readonly events: number;
  private readonly eventsAddress: number;
  private readonly event: number;
  private readonly fds = new Int32Array(MAX_DESCRIPTORS);
  private readonly kinds = new Int32Array(MAX_DESCRIPTORS).fill(POLL_DEVICE.NONE);
  private readonly devices = new Int32Array(MAX_DESCRIPTORS);
  private readonly whichs = new Int32Array(MAX_DESCRIPTORS);
  /** What the last `wait` reported. */
  private readonly reported = new Int32Array(EVENTS);
  private readonly failed = new Uint8Array(EVENTS);
  /** By entry: turns in vain, one after the other. */
  private readonly vain = new Int32Array(MAX_DESCRIPTORS);
  /** Entries that are left alone. */
  private paused: { readonly entry: number; readonly until: number }[] = [];
  /** Entries that the kernel does not wait on, for they are no descriptors: they are always ready. */
  private broken: number[] = [];

  constructor(arena: Arena) {
    this.arena = arena;
    this.epollFd = must(epollCreate(EPOLL_CLOEXEC), 'epoll_create1');
    this.events = arena.alloc(EVENTS * EpollEvent.SIZE);
    this.eventsAddress = arena.address(this.events);
    this.event = arena.alloc(EpollEvent.SIZE);
  }

  /** The descriptor of the set itself: it can be read when an entry is ready. */
  get fd(): number {
    return this.epollFd;
  }

  /** Throws a RangeError where the set is full. A descriptor that is none is ready for ever. */
  add(fd: number, kind: number, device: number, which: number): void {
    const entry = this.kinds.indexOf(POLL_DEVICE.NONE);
    if (entry < 0) throw new RangeError(`more than ${MAX_DESCRIPTORS} descriptors to wait on`);
    this.fds[entry] = fd;
    this.kinds[entry] = kind;
    this.devices[entry] = device;
    this.whichs[entry] = which;
    this.vain[entry] = 0;
    this.watch(entry);
  }

  private watch(entry: number): void {
    const fd = this.fds[entry];
    this.arena.i32[(this.event + EpollEvent.EVENTS) >> 2] = EPOLLIN;
    this.arena.i32[(this.event + EpollEvent.DATA) >> 2] = entry;
    if (epollCtl(this.epollFd, EPOLL_CTL_ADD, fd, this.arena.address(this.event)) < 0) this.broken.push(entry);
  }

  /** Takes every descriptor of a device's port or underlay out. */
  remove(kind: number, device: number): void {
    for (let entry = 0; entry < MAX_DESCRIPTORS; entry++) {
      if (this.kinds[entry] !== kind || this.devices[entry] !== device) continue;
      this.kinds[entry] = POLL_DEVICE.NONE;
      this.paused = this.paused.filter((one) => one.entry !== entry);
      if (this.broken.includes(entry)) this.broken = this.broken.filter((one) => one !== entry);
      else epollCtl(this.epollFd, EPOLL_CTL_DEL, this.fds[entry], this.arena.address(this.event));
    }
  }

  /**
   * Waits for up to so many milliseconds until an entry is ready. Returns how many `ready` tells of, or -errno. One may
   * be taken out, and its kind be NONE, while they are gone through.
   */
  wait(milliseconds: number): number {
    if (this.paused.length > 0) this.resume();
    const { reported, broken } = this;
    const count = epollWait(this.epollFd, this.eventsAddress, EVENTS, broken.length > 0 ? 0 : milliseconds);
    if (count < 0) return count;
    const { i32 } = this.arena;
    for (let n = 0; n < count; n++) {
      const event = this.events + n * EpollEvent.SIZE;
      reported[n] = i32[(event + EpollEvent.DATA) >> 2];
      this.failed[n] = (i32[(event + EpollEvent.EVENTS) >> 2] & (EPOLLERR | EPOLLHUP)) === 0 ? 0 : 1;
    }
    if (broken.length === 0) return count;
    let more = count;
    for (const entry of broken) {
      if (more === EVENTS) break;
      this.failed[more] = 0;
      reported[more++] = entry;
    }
    return more;
  }

  /** What the turn of the n-th entry that the last `wait` reported came to: what came in, or nothing (0, -errno). */
  tried(n: number, result: number): void {
    const entry = this.reported[n];
    if (result > 0 || this.failed[n] === 0) {
      this.vain[entry] = 0;
      return;
    }
    if (++this.vain[entry] < MOST_VAIN || this.kinds[entry] === POLL_DEVICE.NONE) return;
    this.vain[entry] = 0;
    epollCtl(this.epollFd, EPOLL_CTL_DEL, this.fds[entry], this.arena.address(this.event));
    this.paused.push({ entry, until: performance.now() + PAUSE_MS });
  }

  /** Looks again at those that were left alone for long enough; a worker wakes up often enough by itself for that. */
  private resume(): void {
    const now = performance.now();
    const due = this.paused.filter(({ until }) => until <= now);
    if (due.length === 0) return;
    this.paused = this.paused.filter(({ until }) => until > now);
    for (const { entry } of due) this.watch(entry);
  }

  /** The n-th entry that the last `wait` reported (input, error, hang-up). */
  ready(n: number): number {
    return this.reported[n];
  }

  kind(entry: number): number {
    return this.kinds[entry];
  }

  device(entry: number): number {
    return this.devices[entry];
  }

  which(entry: number): number {
    return this.whichs[entry];
  }

  close(): void {
    close(this.epollFd);
  }
}
