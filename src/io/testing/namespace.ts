/** For tests: a network namespace of the process's own, and the system's `ip` within it. */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { release } from 'node:os';
import test from 'ava';
import { must } from '../../native/errno.js';
import { setns, unshare } from '../../native/libc.js';
import { CLONE_NEWNET } from '../../native/socket-constants.js';
import { isAtLeast, type Release } from '../probe/kernel-release.js';

/** `test` where the process is root, `test.skip` elsewhere, so that a run without rights says what it left out. */
export const rooted = process.getuid?.() === 0 ? test.serial : test.serial.skip;

/** The same where the kernel is of this release or a later one: what an older one cannot do is left out, not passed. */
export function rootedSince(first: Release): typeof rooted {
  return isAtLeast(release(), first) ? rooted : test.serial.skip;
}

/**
 * Moves this thread into a fresh network namespace with loopback up. Sockets and TAPs that it opens from now on live
 * there, and so do the children it starts; it all ends with the process, whatever happens.
 */
export function enterFreshNamespace(): void {
  must(unshare(CLONE_NEWNET), 'unshare');
  ip('link set lo up');
}

/** Runs the system's `ip`; throws where it fails. Words are separated by single spaces. */
export function ip(line: string): string {
  return execFileSync('ip', line.split(' '), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** A second namespace: `inside` runs a function with this thread in it. Its descriptor serves `ip link set netns`. */
export class OtherNamespace {
  readonly fd: number;
  private readonly home: number;

  constructor() {
    this.home = openSync('/proc/thread-self/ns/net', 'r');
    must(unshare(CLONE_NEWNET), 'unshare');
    this.fd = openSync('/proc/thread-self/ns/net', 'r');
    must(setns(this.home, CLONE_NEWNET), 'setns');
  }

  /** What `ip link set dev X netns PATH` wants. */
  get path(): string {
    return `/proc/${process.pid}/fd/${this.fd}`;
  }

  /** The same for the namespace that the thread came from. */
  get homePath(): string {
    return `/proc/${process.pid}/fd/${this.home}`;
  }

  inside<T>(run: () => T): T {
    must(setns(this.fd, CLONE_NEWNET), 'setns');
    try {
      return run();
    } finally {
      must(setns(this.home, CLONE_NEWNET), 'setns');
    }
  }

  close(): void {
    closeSync(this.fd);
    closeSync(this.home);
  }
}
