/**
 * Waiting for descriptors without keeping the event loop: one thread of libuv's pool (of four) is blocked in ppoll for
 * everybody in the process who waits, however many they are. What is ready is told once, and again only when it is
 * armed again, so that whoever is busy costs no thread a wake-up.
 *
 * The thread must be woken for the process to end: the last `remove` does it, and so does the process's `exit`.
 */
import { must } from '../native/errno.js';
import { close, epollCreate, epollCtl, epollWait, eventfd, ppollInBackground, read } from '../native/libc.js';
import { NativeBuffer } from '../native/scratch.js';
import {
  EFD_CLOEXEC,
  EFD_NONBLOCK,
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  EPOLLIN,
  EPOLLONESHOT,
  POLLIN,
} from '../native/socket-constants.js';
import { EpollEvent, Pollfd } from '../native/structs.js';
import { signalEventfd } from './wake.js';

/** Descriptors that one look tells of; the others have their turn with the next. */
const EVENTS = 64;
/** Places in the memory below. */
const POLL_AT = 0;
const EVENT_AT = 16;
const COUNT_AT = 32;
const EVENTS_AT = 64;
/** What stands for the eventfd. */
const WAKE = -1;

class BackgroundWait {
  private readonly epollFd = must(epollCreate(EPOLL_CLOEXEC), 'epoll_create1');
  private readonly wakeFd = must(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), 'eventfd');
  private readonly memory = new NativeBuffer(EVENTS_AT + EVENTS * EpollEvent.SIZE);
  private readonly listeners = new Map<number, () => void>();
  private readonly wake = (): void => signalEventfd(this.wakeFd);

  constructor() {
    const { view } = this.memory;
    view.setInt32(POLL_AT + Pollfd.FD, this.epollFd, true);
    view.setInt16(POLL_AT + Pollfd.EVENTS, POLLIN, true);
    this.control(EPOLL_CTL_ADD, this.wakeFd, EPOLLIN, WAKE);
    process.on('exit', this.wake);
  }

  private get isIdle(): boolean {
    return this.listeners.size === 0;
  }

  add(fd: number, ready: () => void): void {
    this.listeners.set(fd, ready);
    this.control(EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLONESHOT, fd);
  }

  arm(fd: number): void {
    this.control(EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLONESHOT, fd);
  }

  remove(fd: number): void {
    this.listeners.delete(fd);
    this.control(EPOLL_CTL_DEL, fd, 0, fd);
    if (this.isIdle) this.wake();
  }

  /** Resolves when nobody waits any more, and everything is closed; whoever comes before its last look is still served. */
  async run(): Promise<void> {
    while (!this.isIdle) {
      await ppollInBackground(this.memory.address + POLL_AT, 1, 0);
      const count = epollWait(this.epollFd, this.memory.address + EVENTS_AT, EVENTS, 0);
      for (let n = 0; n < count; n++) {
        const fd = this.memory.view.getInt32(EVENTS_AT + n * EpollEvent.SIZE + EpollEvent.DATA, true);
        if (fd === WAKE) read(this.wakeFd, this.memory.address + COUNT_AT, 8);
        else this.listeners.get(fd)?.();
      }
    }
    if (shared === this) shared = undefined;
    process.off('exit', this.wake);
    close(this.epollFd);
    close(this.wakeFd);
  }

  private control(operation: number, fd: number, events: number, data: number): void {
    const { view, address } = this.memory;
    view.setUint32(EVENT_AT + EpollEvent.EVENTS, events, true);
    view.setInt32(EVENT_AT + EpollEvent.DATA, data, true);
    epollCtl(this.epollFd, operation, fd, address + EVENT_AT);
  }
}

let shared: BackgroundWait | undefined;

/** Somebody's place among those who wait. */
export interface Waiter {
  /** Has `ready` called once more, when the descriptor is ready. */
  arm(): void;
  /** To be called before the descriptor is closed. */
  remove(): void;
}

/** Has `ready` called, from the event loop, once `fd` (an epoll set will do) can be read. */
export function waitInBackground(fd: number, ready: () => void): Waiter {
  let wait = shared;
  if (wait === undefined) {
    wait = new BackgroundWait();
    shared = wait;
    wait.add(fd, ready);
    wait.run().catch((error: unknown) => {
      throw error;
    });
  } else wait.add(fd, ready);
  const own = wait;
  return { arm: () => own.arm(fd), remove: () => own.remove(fd) };
}
