/** The command line of the benchmark. */
import { parseArgs } from 'node:util';
import { ROWS, type Row, rowsNamed } from './rows.js';

export type EndpointKind = 'kernel' | 'vtep';
export type Order = 'alternate' | 'kernel-first' | 'vtep-first';

export interface Options {
  readonly rows: readonly Row[];
  /** Pairs of runs a row. */
  readonly runs: number;
  /** Of one TCP run; iperf3 takes whole ones. */
  readonly seconds: number;
  /** Which of a pair runs first; `alternate` swaps them with every pair. */
  readonly order: Order;
  /** What is compared with, and what is under test. */
  readonly endpoints: readonly [EndpointKind, EndpointKind];
  /** Where the JSON goes; the default where it is absent. */
  readonly json?: string;
  readonly baseline: boolean;
}

export const USAGE = `usage: npm run bench [-- OPTIONS]
       npm run bench -- classifier [OPTIONS]     the classifier by itself: see its --help
Compares vtep with the kernel's VXLAN device, side by side: runs alternate, the ratio is the median over pairs.

  --quick                 fewer rows, 3 pairs of 2 s: at most 90 s
  --only ROW,…            these rows, or all whose name begins so
  --runs N                pairs of runs a row (default 5)
  --seconds S             length of one TCP run (default 3)
  --endpoint-order ORDER  alternate (default: swapped with every pair), kernel-first or vtep-first
  --endpoints A,B         default kernel,vtep; kernel,kernel shows the noise of this machine: 1.00 but for noise
  --json FILE             instead of bench/results/latest.json (a chart goes beside it)
  --baseline              replaces the committed baseline.json and chart.svg, and the table in docs/performance.md
  --help

rows: ${ROWS.map(({ id }) => id).join(', ')}
`;

function whole(name: string, text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new Error(`--${name} is a whole number from 1 to 9999, not ${text}`);
  return Number(text);
}

function orderOf(text: string): Order {
  if (text === 'alternate' || text === 'kernel-first' || text === 'vtep-first') return text;
  throw new Error(`--endpoint-order is alternate, kernel-first or vtep-first, not ${text}`);
}

function kindOf(text: string | undefined): EndpointKind {
  if (text === 'kernel' || text === 'vtep') return text;
  throw new Error(`an endpoint is kernel or vtep, not ${text ?? 'nothing'}`);
}

function endpointsOf(text: string): [EndpointKind, EndpointKind] {
  const [base, tested, ...more] = text.split(',');
  if (more.length > 0) throw new Error(`--endpoints takes two, not ${text}`);
  return [kindOf(base), kindOf(tested)];
}

/** Reads the words after `npm run bench --`; `help` where they ask for it. Throws what is to be told to the user. */
export function parseOptions(args: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      runs: { type: 'string' },
      seconds: { type: 'string' },
      'endpoint-order': { type: 'string', default: 'alternate' },
      endpoints: { type: 'string', default: 'kernel,vtep' },
      json: { type: 'string' },
      baseline: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const { quick, only, json } = values;
  return {
    rows: only === undefined ? ROWS.filter((row) => row.quick || !quick) : rowsNamed(only.split(',')),
    runs: whole('runs', values.runs ?? (quick ? '3' : '5')),
    seconds: whole('seconds', values.seconds ?? (quick ? '2' : '3')),
    order: orderOf(values['endpoint-order']),
    endpoints: endpointsOf(values.endpoints),
    baseline: values.baseline,
    ...(json === undefined ? {} : { json }),
  };
}

/** Whether the endpoint under test (and not the one it is compared with) runs first in this pair, counted from 0. */
export function testedFirst(order: Order, pair: number): boolean {
  if (order === 'alternate') return pair % 2 === 1;
  return order === 'vtep-first';
}
