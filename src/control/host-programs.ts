import { CommandError } from '../iproute/commands.js';
import type { HostTool } from './host-tool.js';
import type { Say } from './protocol.js';

/** Programs that run at a time for those who only look; more wait. */
export const MOST_BESIDE = 16;

/** How long a program may go on behind whoever asked for it: what it is in the middle of is finished, what hangs is not. */
const GONE_MS = 2000;

type Words = Parameters<HostTool>[0];

/** The programs of the host that commands run: none of them outlives vtep, or by much whoever asked for it. */
export class HostPrograms {
  private readonly tool: HostTool;
  private readonly stopping: AbortSignal;
  private readonly ends = new Set<AbortController>();
  private readonly running = new Set<Promise<void>>();
  private beside = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(tool: HostTool, stopping: AbortSignal) {
    this.tool = tool;
    this.stopping = stopping;
    stopping.addEventListener('abort', () => {
      for (const end of this.ends) stop(end);
    });
  }

  run(tool: Words, argv: readonly string[], say: Say): Promise<void> {
    const end = new AbortController();
    if (this.stopping.aborted) stop(end);
    this.ends.add(end);
    const gone = say.gone?.();
    let timer: NodeJS.Timeout | undefined;
    const leave = (): void => {
      timer = setTimeout(() => end.abort(nobodyAsks()), GONE_MS);
    };
    if (gone?.aborted) leave();
    gone?.addEventListener('abort', leave);
    const work = this.tool(tool, argv, say, end.signal).finally(() => {
      this.running.delete(settled);
      this.ends.delete(end);
      gone?.removeEventListener('abort', leave);
      clearTimeout(timer);
    });
    const settled = work.catch(() => undefined);
    this.running.add(settled);
    return work;
  }

  /** The same for somebody who only looks, of whom there may be many at a time. */
  async runBeside(tool: Words, argv: readonly string[], say: Say): Promise<void> {
    if (this.beside < MOST_BESIDE) this.beside++;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    try {
      // Others wait for its place.
      if (say.gone?.().aborted) throw nobodyAsks();
      await this.run(tool, argv, say);
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.beside--;
    }
  }

  /** Resolves when none runs. */
  async ended(): Promise<void> {
    while (this.running.size > 0) await Promise.all(this.running);
  }
}

function nobodyAsks(): CommandError {
  return new CommandError('whoever asked for it is gone', 1);
}

function stop(end: AbortController): void {
  end.abort(new CommandError('vtep is stopping', 1));
}
