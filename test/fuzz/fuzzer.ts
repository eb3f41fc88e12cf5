/**
 * A run of the fuzzer over one target. Inputs are made in batches: some generated, most of them changed ones of the corpus.
 * After a batch V8 is asked which blocks have run (coverage.ts). Where there are new ones, the inputs of the batch are
 * run once more, by halves, until it is known which account for them: these join the corpus. So the search goes where something new
 * was found, and asking stays cheap.
 *
 * Chance comes from the seed alone: the same seed makes the same inputs, as long as the code, the corpus and what V8 tells
 * of blocks are the same.
 */
import * as fc from 'fast-check';
import { Coverage } from './coverage.js';
import { mutateBytes } from './mutate.js';
import { Random } from './random.js';
import { smallest } from './shrink.js';
import type { Target } from './target.js';

const BATCH = 64;
/** Generated inputs are made this many at a time. */
const GENERATED = 64;
/** Findings that are looked into; more of a kind tell nothing new. */
const MOST_FINDINGS = 10;

export interface Finding {
  readonly input: Uint8Array;
  readonly error: Error;
  /** Inputs that had been tried when it was found, and milliseconds. */
  readonly after: number;
  readonly milliseconds: number;
}

export interface Progress {
  readonly inputs: number;
  readonly blocks: number;
  readonly corpus: number;
  readonly findings: number;
}

export interface FuzzOptions {
  readonly seed: number;
  /** The run ends after so many milliseconds, */
  readonly milliseconds: number;
  /** or so many inputs, whichever comes first. */
  readonly inputs?: number;
  /** False: what V8 tells is counted and does not guide. */
  readonly guided: boolean;
  readonly corpus: readonly Uint8Array[];
  /** Told of each input before it runs. */
  readonly watch?: (input: Uint8Array) => void;
  readonly say?: (progress: Progress) => void;
}

/** The error that an input brings about, or undefined. */
export async function tried(target: Target, input: Uint8Array): Promise<Error | undefined> {
  try {
    const answer = target.run(input);
    if (answer !== undefined) await answer;
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** What tells one defect from another: the message without numbers, and where it was thrown. */
export function kindOf(error: Error): string {
  const [place = ''] = /\n\s+at .*/.exec(error.stack ?? '') ?? [];
  return `${error.name} ${error.message.split('\n', 1)[0]?.replaceAll(/\d+/g, 'N').slice(0, 60)} ${place}`;
}

export class Fuzzer {
  readonly findings: Finding[] = [];
  /** Inputs that each have reached something new. */
  readonly corpus: Uint8Array[] = [];
  readonly coverage: Coverage;
  inputs = 0;
  private readonly target: Target;
  private readonly options: FuzzOptions;
  private readonly random: Random;
  private readonly kinds = new Set<string>();
  private readonly generated: Uint8Array[] = [];
  private samples = 0;
  private readonly begun = Date.now();
  /** Inputs that are changed. */
  private readonly pool: Uint8Array[];

  constructor(target: Target, options: FuzzOptions) {
    this.target = target;
    this.options = options;
    this.random = new Random(options.seed);
    this.pool = [...options.corpus];
    this.coverage = new Coverage(target.covers);
  }

  get progress(): Progress {
    const { inputs, findings, corpus } = this;
    return { inputs, blocks: this.coverage.blocks, corpus: corpus.length, findings: findings.length };
  }

  async run(): Promise<void> {
    const { options } = this;
    const end = Date.now() + options.milliseconds;
    const most = options.inputs ?? Number.POSITIVE_INFINITY;
    this.coverage.skip();
    // The shortest first: what a longer one adds is what it is kept for.
    for (const input of [...options.corpus].sort((a, b) => a.length - b.length)) await this.alone(input);
    let said = 0;
    do {
      const batch = Array.from({ length: Math.min(BATCH, most - this.inputs) }, () => this.next());
      for (const input of batch) await this.one(input);
      if (this.coverage.take(false)) {
        const answer = this.coverage.mark();
        await this.locate(batch);
        // Else what no single input reaches would have every batch looked through.
        this.coverage.settle(answer);
      }
      if (Date.now() - said > 200) {
        said = Date.now();
        options.say?.(this.progress);
      }
    } while (Date.now() < end && this.inputs < most && this.findings.length < MOST_FINDINGS);
  }

  /** Keeps those of some inputs that reach something new, when together they do. To ask is dear: by halves. */
  private async locate(inputs: readonly Uint8Array[]): Promise<void> {
    const [first] = inputs;
    if (inputs.length === 1 && first !== undefined) {
      await this.alone(first);
      return;
    }
    const middle = inputs.length >> 1;
    for (const half of [inputs.slice(0, middle), inputs.slice(middle)]) {
      for (const input of half) await this.one(input);
      if (this.coverage.take(false)) await this.locate(half);
    }
  }

  /** Runs an input by itself, and keeps it where it reaches something new. */
  private async alone(input: Uint8Array): Promise<void> {
    await this.one(input);
    if (!this.coverage.take(true)) return;
    this.corpus.push(input);
    if (this.options.guided) this.pool.push(input);
  }

  private async one(input: Uint8Array): Promise<void> {
    this.inputs++;
    this.options.watch?.(input);
    const error = await tried(this.target, input);
    if (error === undefined) return;
    const kind = kindOf(error);
    if (this.kinds.has(kind)) return;
    this.kinds.add(kind);
    const [after, milliseconds] = [this.inputs, Date.now() - this.begun];
    const found = await smallest(input, async (smaller) => {
      const other = await tried(this.target, smaller);
      return other !== undefined && kindOf(other) === kind;
    });
    this.findings.push({ input: found, error: (await tried(this.target, found)) ?? error, after, milliseconds });
  }

  private next(): Uint8Array {
    const { random, target, pool } = this;
    if (pool.length === 0 || random.once(4)) return this.generate();
    const base = this.choose();
    if (target.mutate !== undefined && !random.once(4)) return target.mutate(base, random).slice(0, target.longest);
    return mutateBytes(base, this.choose(), random, target.longest, target.dictionary);
  }

  /** One of the pool; those that came last more often. */
  private choose(): Uint8Array {
    const { pool, random } = this;
    const from = random.once(2) ? 0 : Math.max(0, pool.length - 32);
    return pool[from + random.below(pool.length - from)] ?? new Uint8Array(0);
  }

  private generate(): Uint8Array {
    if (this.generated.length === 0) {
      const seed = (this.options.seed ^ Math.imul(++this.samples, 0x9e3779b1)) | 0;
      this.generated.push(...fc.sample(this.target.generated, { numRuns: GENERATED, seed }));
    }
    return (this.generated.pop() ?? new Uint8Array(0)).slice(0, this.target.longest);
  }
}
