import { closeSync, openSync, writeSync } from 'node:fs';
import { readCaptureWords } from '../control/capture/words.js';
import { Connection } from '../control/client.js';
import { CommandError } from '../iproute/commands.js';
import { errorText } from '../native/errno.js';

export interface CaptureOptions {
  readonly write?: string;
  readonly at?: string;
  readonly count?: string;
  readonly snap?: string;
  readonly seconds?: string;
}

const ENDS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** `vtep capture`: until a signal, or an end of its own. What was captured is written whole, whatever ends it. */
export async function capture(
  words: readonly string[],
  options: CaptureOptions,
  control: string | undefined,
): Promise<void> {
  const { write, at, count, snap, seconds } = options;
  const option = (name: string, value: string | undefined): string[] => (value === undefined ? [] : [name, value]);
  const argv = [
    ...option('--at', at),
    ...option('--count', count),
    ...option('--snap', snap),
    ...option('--seconds', seconds),
    ...(write === undefined ? ['--text'] : []),
    ...words,
  ];
  // Which reasons there are the daemon knows: a program around it may have some of its own.
  readCaptureWords(argv, undefined);
  if (write === '-' && process.stdout.isTTY) {
    throw new CommandError('vtep: capture: a terminal shows no pcapng: pipe it (| tshark -r -), or write a file', 1);
  }
  const connection = new Connection(control, 'the daemon has ended, and with it this capture');
  const interrupt = (): void => connection.interrupt();
  for (const signal of ENDS) process.on(signal, interrupt);
  const file = new CaptureFile(write);
  try {
    process.exitCode = await connection.ask(
      { argv: ['capture', ...argv] },
      {
        out: (text) => process.stdout.write(text),
        err: (text) => process.stderr.write(text),
        data: (bytes) => file.write(bytes),
      },
    );
  } finally {
    for (const signal of ENDS) process.off(signal, interrupt);
    file.close();
    connection.close();
  }
}

/** Made when there is something to write, so that a refused capture leaves the file of before as it is. */
class CaptureFile {
  private readonly name: string | undefined;
  private fd = -1;

  constructor(name: string | undefined) {
    this.name = name;
  }

  write(bytes: Uint8Array): void {
    if (this.name === '-') {
      process.stdout.write(bytes);
      return;
    }
    try {
      if (this.fd < 0) this.fd = openSync(this.name ?? '', 'w');
      for (let at = 0; at < bytes.length; ) at += writeSync(this.fd, bytes, at);
    } catch (error) {
      process.stderr.write(`vtep: capture: ${this.name}: ${errorText(error)}\n`);
      process.exit(1);
    }
  }

  close(): void {
    if (this.fd >= 0) closeSync(this.fd);
  }
}
