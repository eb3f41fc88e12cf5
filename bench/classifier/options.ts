/** The command line of `npm run bench -- classifier`. */
import { parseArgs } from 'node:util';
import { KINDS, type RuleSetKind } from './rule-sets.js';

export interface ClassifierOptions {
  readonly kinds: readonly RuleSetKind[];
  readonly sizes: readonly number[];
  readonly rounds: number;
  /** Where the JSON goes; the default where it is absent. */
  readonly json?: string;
  readonly baseline: boolean;
}

export const CLASSIFIER_USAGE = `usage: npm run bench -- classifier [OPTIONS]
Measures the classifier and its flow cache on generated rule sets; needs no rights.

  --quick         1,000 and 10,000 rules of two kinds, 3 rounds: about 15 s
  --only KIND,…   of ${KINDS.join(', ')}: access lists, firewalls, IP chains, rules of ten masks
  --sizes N,…     numbers of rules (default 1000,10000,100000,1000000)
  --rounds N      measurements of each figure (default 7)
  --json FILE     instead of bench/results/classifier-latest.json (a chart goes beside it)
  --baseline      replaces what was measured in the committed classifier.json and classifier.svg, and the table in
                  docs/performance.md
  --help
`;

const SIZES = [1000, 10_000, 100_000, 1_000_000];

function whole(name: string, text: string, last: number): number {
  const value = /^[1-9]\d*$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= last)) throw new Error(`--${name} is a whole number from 1 to ${last}, not ${text}`);
  return value;
}

function kindOf(text: string): RuleSetKind {
  const kind = KINDS.find((each) => each === text);
  if (kind === undefined) throw new Error(`--only takes ${KINDS.join(', ')}, not ${text}`);
  return kind;
}

/** Reads the words after `classifier`; `help` where they ask for it. Throws what is to be told to the user. */
export function parseClassifierOptions(args: readonly string[]): ClassifierOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      sizes: { type: 'string' },
      rounds: { type: 'string' },
      json: { type: 'string' },
      baseline: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const { quick, only, sizes, rounds, json, baseline } = values;
  const quickKinds: readonly RuleSetKind[] = ['acl', 'ten'];
  return {
    kinds: only === undefined ? (quick ? quickKinds : KINDS) : only.split(',').map(kindOf),
    sizes:
      sizes === undefined
        ? quick
          ? SIZES.slice(0, 2)
          : SIZES
        : sizes.split(',').map((size) => whole('sizes', size, 4_000_000)),
    rounds: whole('rounds', rounds ?? (quick ? '3' : '7'), 1000),
    baseline,
    ...(json === undefined ? {} : { json }),
  };
}
