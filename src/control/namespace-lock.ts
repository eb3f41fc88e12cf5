import { fstatSync, statSync } from 'node:fs';
import { CommandError } from '../iproute/commands.js';
import { EAGAIN, errnoText } from '../native/errno.js';
import { close, flock, open } from '../native/libc.js';
import { O_CLOEXEC, O_CREAT, O_NOFOLLOW, O_RDWR } from '../native/socket-constants.js';
import { removeFile } from './socket-file.js';

const LOCK_EX = 2;
const LOCK_NB = 4;

/** A lock that says: one daemon for this control socket. The kernel lets go of it however the process ends. */
export class NamespaceLock {
  private readonly fd: number;
  private readonly path: string;

  private constructor(fd: number, path: string) {
    this.fd = fd;
    this.path = path;
  }

  /** Takes the lock beside a control socket. Throws CommandError where a living daemon holds it. */
  static take(socketPath: string): NamespaceLock {
    const path = `${socketPath}.lock`;
    const fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600);
    if (fd < 0) throw unusable(path, fd);
    const result = flock(fd, LOCK_EX | LOCK_NB);
    if (result === -EAGAIN) {
      close(fd);
      throw new CommandError(
        `vtep: another vtep runs in this network namespace (${socketPath}); \`vtep run --control PATH\` starts a second one`,
        2,
      );
    }
    if (result < 0) {
      close(fd);
      throw unusable(path, result);
    }
    if (!isStillAt(fd, path)) {
      // Its last holder removed the file between our open and our lock: that lock guards nothing.
      close(fd);
      return NamespaceLock.take(socketPath);
    }
    return new NamespaceLock(fd, path);
  }

  release(): void {
    removeFile(this.path);
    close(this.fd);
  }
}

function unusable(path: string, errno: number): CommandError {
  return new CommandError(`vtep: ${path}: ${errnoText(errno)}; \`vtep run --control PATH\` names another place`, 1);
}

function isStillAt(fd: number, path: string): boolean {
  const here = fstatSync(fd);
  const there = statSync(path, { throwIfNoEntry: false });
  return there !== undefined && there.ino === here.ino && there.dev === here.dev;
}
