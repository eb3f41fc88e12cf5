/**
 * Lines of a page, typed into a shell as they stand: in a host's namespace, in a folder that holds the page's files, with
 * `vtep` on the path. Ctrl-C goes to all that a line has started, as on a terminal.
 */
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Finished } from '../netns/process.js';
import { type Host, VTEP } from '../netns/topology.js';

const DEADLINE_MS = 30_000;

export interface Typing {
  /** Ctrl-C, or the keys, when this has been printed, or has come true; without it the line ends by itself. */
  readonly until?: RegExp | (() => Promise<boolean>);
  /** Typed on a terminal, of 100 columns and 40 rows; these keys are pressed instead of Ctrl-C. */
  readonly keys?: string;
}

/** What a page's line says behind its comment, and what it is. */
export function commandOf(line: string): string {
  return line
    .replace(/^\$ /, '')
    .replace(/\s+#.*$/, '')
    .trim();
}

export class Typist {
  readonly folder: string;
  readonly #host: Host;

  /** The folder goes with the topology. */
  constructor(host: Host, name: string) {
    this.#host = host;
    this.folder = join(host.notes, name);
    mkdirSync(join(this.folder, 'bin'), { recursive: true });
    symlinkSync(VTEP, join(this.folder, 'bin/vtep'));
  }

  /** A file of the page's. */
  file(name: string, lines: readonly string[] | Uint8Array): void {
    writeFileSync(join(this.folder, name), lines instanceof Uint8Array ? lines : `${lines.join('\n')}\n`);
  }

  /** A program that stands for another. */
  program(name: string, script: string): void {
    writeFileSync(join(this.folder, 'bin', name), script);
    chmodSync(join(this.folder, 'bin', name), 0o755);
  }

  /** Starts a line that goes on; it is ended with the topology. */
  start(line: string): ReturnType<Host['start']> {
    const last = /[|;&]/.test(line) ? line : `exec ${line}`;
    return this.#host.start(['setsid', 'sh', '-c', `cd '${this.folder}'; PATH="$PWD/bin:$PATH"; ${last}`]);
  }

  /** Types a line and waits for its end. */
  async type(line: string, { until, keys }: Typing = {}): Promise<Finished> {
    const isOnTerminal = keys !== undefined;
    const quoted = `stty cols 100 rows 40; ${line}`.replaceAll("'", `'\\''`);
    const started = this.start(isOnTerminal ? `env TERM=xterm script -qec '${quoted}' /dev/null` : line);
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      started.child.kill('SIGKILL');
    }, DEADLINE_MS);
    try {
      if (until instanceof RegExp) await started.waitFor(until, DEADLINE_MS);
      else if (until !== undefined)
        while (started.running && !(await until())) await new Promise((resolve) => setTimeout(resolve, 50));
      if (isOnTerminal) started.child.stdin?.write(keys);
      else if (until === undefined) started.child.stdin?.end();
      else if (started.running && started.child.pid !== undefined) process.kill(-started.child.pid, 'SIGINT');
      const finished = await started.exited;
      if (isLate) throw new Error(`"${line}" has not ended:\n${finished.stdout}${finished.stderr}`);
      return finished;
    } finally {
      clearTimeout(timer);
    }
  }
}
