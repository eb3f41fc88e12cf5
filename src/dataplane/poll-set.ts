import type { Arena } from '../memory/arena.js';
import { POLLIN } from '../native/socket-constants.js';
import { Pollfd } from '../native/structs.js';

/** What stands behind a descriptor of the set. */
export const POLL_DEVICE = { CONTROL: 0, UNDERLAY: 1, PORT: 2 } as const;

const MAX_DESCRIPTORS = 4096;
/** The longest a worker sleeps: a bound for the case that a wake-up were lost. Costs one wake-up in that time. */
const TIMEOUT_SECONDS = 5;

/** The descriptors that a worker waits on: an array of struct pollfd in the arena, and what each stands for. */
export class PollSet {
  private readonly arena: Arena;
  private readonly fds: number;
  private readonly timespec: number;
  private readonly kinds = new Int32Array(MAX_DESCRIPTORS);
  private readonly devices = new Int32Array(MAX_DESCRIPTORS);
  private readonly whichs = new Int32Array(MAX_DESCRIPTORS);
  private used = 0;

  constructor(arena: Arena) {
    this.arena = arena;
    this.fds = arena.alloc(MAX_DESCRIPTORS * Pollfd.SIZE);
    this.timespec = arena.alloc(16);
    arena.i32[this.timespec >> 2] = TIMEOUT_SECONDS;
  }

  get address(): number {
    return this.arena.address(this.fds);
  }

  get timeout(): number {
    return this.arena.address(this.timespec);
  }

  get count(): number {
    return this.used;
  }

  /** Throws a RangeError where the set is full. */
  add(fd: number, kind: number, device: number, which: number): void {
    if (this.used === MAX_DESCRIPTORS) throw new RangeError(`more than ${MAX_DESCRIPTORS} descriptors to wait on`);
    const n = this.used++;
    this.arena.i32[(this.fds >> 2) + n * 2] = fd;
    this.arena.i32[(this.fds >> 2) + n * 2 + 1] = POLLIN;
    this.kinds[n] = kind;
    this.devices[n] = device;
    this.whichs[n] = which;
  }

  /** Takes every descriptor of a device's port or underlay out. */
  remove(kind: number, device: number): void {
    const i32 = this.arena.i32;
    const base = this.fds >> 2;
    let kept = 0;
    for (let n = 0; n < this.used; n++) {
      if (this.kinds[n] === kind && this.devices[n] === device) continue;
      i32[base + kept * 2] = i32[base + n * 2];
      i32[base + kept * 2 + 1] = i32[base + n * 2 + 1];
      this.kinds[kept] = this.kinds[n];
      this.devices[kept] = this.devices[n];
      this.whichs[kept] = this.whichs[n];
      kept++;
    }
    this.used = kept;
  }

  /** Whether the last ppoll reported anything (input, error, hang-up) for entry `n`. */
  isReady(n: number): boolean {
    return this.arena.i32[(this.fds >> 2) + n * 2 + 1] >> 16 !== 0;
  }

  kind(n: number): number {
    return this.kinds[n];
  }

  device(n: number): number {
    return this.devices[n];
  }

  which(n: number): number {
    return this.whichs[n];
  }
}
