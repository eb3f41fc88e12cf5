/** Files that captures are written to, by name in one folder: begun anew by the first bytes of each. */
import { closeSync, openSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolders } from '../control/make-folders.js';
import { CommandError } from '../iproute/commands.js';
import { errorText } from '../native/errno.js';

/** Bytes of a file that are held before they are written. */
const HELD = 64 * 1024;

interface OpenFile {
  readonly path: string;
  readonly fd: number;
  readonly bytes: Uint8Array;
  held: number;
}

export class CaptureFiles {
  private readonly folder: string;
  private readonly source: string;
  private readonly open = new Map<string, OpenFile>();

  /** Makes the folder. `source`: the file that is read meanwhile, which is never written to. Throws CommandError. */
  constructor(folder: string, source: string) {
    this.folder = folder;
    this.source = source;
    carryOut(folder, () => makeFolders(folder));
  }

  readonly add = (name: string, bytes: Uint8Array): void => {
    const file = this.open.get(name) ?? this.begin(name);
    if (file.held + bytes.length > HELD) flush(file);
    if (bytes.length > HELD) {
      writeAll(file, bytes, bytes.length);
      return;
    }
    file.bytes.set(bytes, file.held);
    file.held += bytes.length;
  };

  close(): void {
    for (const file of this.open.values()) {
      flush(file);
      closeSync(file.fd);
    }
    this.open.clear();
  }

  private begin(name: string): OpenFile {
    const path = join(this.folder, name);
    if (isSame(path, this.source))
      throw new CommandError(`vtep: ${path} is the capture that is read: name another folder`, 1);
    const file = { path, fd: carryOut(path, () => openSync(path, 'w')), bytes: new Uint8Array(HELD), held: 0 };
    this.open.set(name, file);
    return file;
  }
}

function flush(file: OpenFile): void {
  writeAll(file, file.bytes, file.held);
  file.held = 0;
}

function writeAll({ path, fd }: OpenFile, bytes: Uint8Array, length: number): void {
  for (let at = 0; at < length; ) at += carryOut(path, () => writeSync(fd, bytes, at, length - at));
}

function isSame(path: string, other: string): boolean {
  const [here, there] = [path, other].map((one) => statSync(one, { throwIfNoEntry: false }));
  return here !== undefined && there !== undefined && here.ino === there.ino && here.dev === there.dev;
}

/** What the file system refuses is no error of vtep's. */
function carryOut<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Error && 'code' in error) throw new CommandError(`vtep: ${path}: ${errorText(error)}`, 1);
    throw error;
  }
}
