/**
 * A worker's place at a TAP. Of a TAP with one queue both descriptors are that queue's. With several, what is written
 * goes through another one than what is read (open-tap.ts says why).
 */
export interface TapQueue {
  /** -1: nothing comes in here. */
  readonly readFd: number;
  readonly writeFd: number;
}
