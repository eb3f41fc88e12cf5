/**
 * Child processes of the end-to-end tests. Each is told by the kernel to die with its parent (PR_SET_PDEATHSIG, set
 * by util-linux's setpriv), has a deadline, and is ended by its own id.
 */
import { type ChildProcess, spawn } from 'node:child_process';

export interface Finished {
  /** Exit status; null where a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StartOptions {
  /** Further descriptors to open as pipes, from 3 on (0 by default). */
  readonly extraPipes?: number;
  readonly env?: NodeJS.ProcessEnv;
}

/** Debian keeps ip, tc and ethtool in sbin, which is not on everybody's path. */
const PATH = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`;

/** A process that runs beside the test. */
export class Background {
  readonly child: ChildProcess;
  readonly exited: Promise<Finished>;
  stdout = '';
  stderr = '';
  #finished: Finished | undefined;
  readonly #argv: readonly string[];

  constructor(argv: readonly string[], options: StartOptions = {}) {
    this.#argv = argv;
    const stdio = [
      'pipe',
      'pipe',
      'pipe',
      ...Array.from({ length: options.extraPipes ?? 0 }, () => 'pipe'),
    ] as 'pipe'[];
    this.child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...argv], {
      stdio,
      env: { ...process.env, ...options.env, PATH },
    });
    this.child.stdin?.on('error', () => {}); // it may end before it has read its input
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.exited = new Promise((resolve, reject) => {
      this.child.once('error', reject);
      this.child.once('close', (code, signal) => {
        this.#finished = { code, signal, stdout: this.stdout, stderr: this.stderr };
        resolve(this.#finished);
      });
    });
    this.exited.catch(() => {}); // whoever waits sees it; nobody has to
  }

  get running(): boolean {
    return this.#finished === undefined;
  }

  /** Resolves when `pattern` has appeared in stdout or stderr; rejects with what was printed when it does not. */
  async waitFor(pattern: RegExp, deadlineMs = 10_000): Promise<void> {
    const printed = (): string => `${this.#argv.join(' ')}\nstdout: ${this.stdout}\nstderr: ${this.stderr}`;
    await new Promise<void>((resolve, reject) => {
      const finish = (error?: Error): void => {
        clearTimeout(timer);
        this.child.stdout?.off('data', look);
        this.child.stderr?.off('data', look);
        this.child.off('close', ended);
        this.child.off('error', finish);
        if (error) reject(error);
        else resolve();
      };
      const look = (): void => {
        if (pattern.test(this.stdout) || pattern.test(this.stderr)) finish();
      };
      const ended = (): void => finish(new Error(`ended before it printed ${pattern}: ${printed()}`));
      const timer = setTimeout(
        () => finish(new Error(`did not print ${pattern} in ${deadlineMs} ms: ${printed()}`)),
        deadlineMs,
      );
      this.child.stdout?.on('data', look);
      this.child.stderr?.on('data', look);
      this.child.once('close', ended);
      this.child.once('error', finish);
      look();
      if (!this.running) ended();
    });
  }

  /** Sends `signal`, and SIGKILL when the process is still there after `graceMs`. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', graceMs = 5_000): Promise<Finished> {
    if (!this.running) return this.exited;
    this.child.kill(signal);
    const timer = setTimeout(() => this.child.kill('SIGKILL'), graceMs);
    try {
      return await this.exited;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Runs a command to its end; a command that takes longer than its deadline is killed and rejects. */
export async function run(
  argv: readonly string[],
  options: { readonly input?: string; readonly deadlineMs?: number } = {},
): Promise<Finished> {
  const { input = '', deadlineMs = 30_000 } = options;
  const background = new Background(argv);
  background.child.stdin?.end(input);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    background.child.kill('SIGKILL');
  }, deadlineMs);
  try {
    const finished = await background.exited;
    if (late) throw new Error(`${argv.join(' ')}: not finished after ${deadlineMs} ms\n${finished.stderr}`);
    return finished;
  } finally {
    clearTimeout(timer);
  }
}

/** As `run`, and rejects where the command fails; gives its standard output. */
export async function succeed(
  argv: readonly string[],
  options: { readonly input?: string; readonly deadlineMs?: number } = {},
): Promise<string> {
  const finished = await run(argv, options);
  if (finished.code !== 0) {
    throw new Error(
      `${argv.join(' ')}: exit ${finished.code ?? finished.signal}\n${finished.stderr}${finished.stdout}`,
    );
  }
  return finished.stdout;
}

/** Resolves when the condition holds, which is asked for again and again; rejects with `what` did not come to pass. */
export async function until(condition: () => Promise<boolean>, what: string, deadlineMs = 10_000): Promise<void> {
  const end = Date.now() + deadlineMs;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
