/**
 * Which blocks of the code have run, as V8 counts them itself (node:inspector, precise block coverage): no instrumented
 * build, the very code that users run. To ask costs 3 ms, many inputs' worth; so the fuzzer asks for batches of them.
 *
 * V8 tells of ranges of a script with counts, and joins neighbours of equal counts, so that ranges differ from one
 * answer to the next. What is kept is therefore for each offset of the source whether it has run; a block is an offset at
 * which some answer has had a range begin.
 */
import { Session } from 'node:inspector';
import { fileURLToPath } from 'node:url';

const DIST = new URL('../../src/', import.meta.url).href;
const NOT_PRODUCT = /\.test\.|\.test-?helper|\/test-|oracle|harness|\/fake\//;

interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}
interface Script {
  readonly url: string;
  readonly functions: readonly { readonly ranges: readonly Range[] }[];
}

/** What V8 has told at once. */
export type Answer = readonly Script[];

/** One script's offsets: bit 0: has run; bit 1: a block begins here. */
type Offsets = Uint8Array;
const RAN = 1;
const BEGINS = 2;

/** Begun with this module, which is imported before what it counts, and never ended: V8 counts only what it compiles anew. */
const session = new Session();

function ask(method: string, parameters?: object): { readonly result?: readonly Script[] } {
  let answer: { result?: readonly Script[] } = {};
  let failure: Error | null = null;
  // A session within the process answers before `post` returns.
  session.post(method, parameters, (error, value) => {
    failure = error;
    answer = (value ?? {}) as typeof answer;
  });
  if (failure !== null) throw failure;
  return answer;
}

session.connect();
ask('Profiler.enable');
ask('Profiler.startPreciseCoverage', { callCount: true, detailed: true });

export class Coverage {
  private readonly scripts = new Map<string, Offsets>();
  private readonly prefixes: readonly string[];
  private last: Answer = [];

  /** `covers`: folders or modules of src/ (see Target). */
  constructor(covers: readonly string[]) {
    this.prefixes = covers.map((part) => DIST + part);
  }

  /** Blocks that have run since the beginning, as far as `take` has been told. */
  get blocks(): number {
    let blocks = 0;
    for (const offsets of this.scripts.values()) for (const bits of offsets) if (bits === (RAN | BEGINS)) blocks++;
    return blocks;
  }

  /** Forgets what has run since the last call. */
  skip(): void {
    ask('Profiler.takePreciseCoverage');
  }

  /** Whether anything that has run since the last call never had before. With `keep` it has from now on. */
  take(keep: boolean): boolean {
    const { result = [] } = ask('Profiler.takePreciseCoverage');
    this.last = result;
    return this.look(keep);
  }

  /** Of the last answer that `take` got. */
  private look(keep: boolean): boolean {
    let isNew = false;
    for (const script of this.last) if (this.counts(script.url) && this.add(script, keep)) isNew = true;
    return isNew;
  }

  /** What runs once in a process, or for two inputs together, is nobody's: `answer` of `mark` counts as seen from now on. */
  settle(answer: Answer): void {
    this.last = answer;
    this.look(true);
  }

  /** The last answer, for `settle`. */
  mark(): Answer {
    return this.last;
  }

  /** Modules with the number of their blocks that have run, and have not. */
  modules(): { readonly module: string; readonly ran: number; readonly not: number }[] {
    return [...this.scripts].map(([url, offsets]) => {
      let [ran, not] = [0, 0];
      for (const bits of offsets) if ((bits & BEGINS) !== 0) (bits & RAN) !== 0 ? ran++ : not++;
      return { module: fileURLToPath(url).slice(fileURLToPath(DIST).length), ran, not };
    });
  }

  private counts(url: string): boolean {
    return this.prefixes.some((prefix) => url.startsWith(prefix)) && !NOT_PRODUCT.test(url.slice(DIST.length - 1));
  }

  private add({ url, functions }: Script, keep: boolean): boolean {
    const end = Math.max(...functions.map(({ ranges }) => ranges[0]?.endOffset ?? 0));
    const known = this.offsets(url, end);
    // Ranges are nested, the inner behind the outer: the last word on an offset is the innermost.
    const now = new Uint8Array(end);
    for (const { ranges } of functions) {
      for (const { startOffset, endOffset, count } of ranges) {
        now.fill(count > 0 ? RAN : 0, startOffset, endOffset);
        if (keep && startOffset < end) known[startOffset] = (known[startOffset] ?? 0) | BEGINS;
      }
    }
    let isNew = false;
    for (let n = 0; n < end; n++) {
      if (now[n] === 0 || ((known[n] ?? 0) & RAN) !== 0) continue;
      isNew = true;
      if (!keep) break;
      known[n] = (known[n] ?? 0) | RAN;
    }
    return isNew;
  }

  private offsets(url: string, end: number): Offsets {
    const known = this.scripts.get(url) ?? new Uint8Array(0);
    if (known.length >= end) return known;
    const longer = new Uint8Array(end);
    longer.set(known);
    this.scripts.set(url, longer);
    return longer;
  }
}
