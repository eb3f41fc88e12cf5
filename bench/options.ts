/** The command line of the benchmark. */
import { parseArgs } from 'node:util';
import { ENDPOINT_KINDS, type EndpointKind, isInstalled } from './endpoints/endpoint.js';
import { ROWS, type Row, rowsNamed } from './rows.js';

export type Order = 'alternate' | 'fixed';

export interface Options {
  readonly rows: readonly Row[];
  /** Rounds of runs a row. */
  readonly runs: number;
  /** Of one TCP or UDP run; iperf3 takes whole ones. */
  readonly seconds: number;
  readonly order: Order;
  /** What is compared with, and who is compared. */
  readonly endpoints: readonly EndpointKind[];
  /** Where the JSON goes; the default where it is absent. */
  readonly json?: string;
  readonly baseline: boolean;
}

/** Fewer rounds have no median to speak of. */
const BASELINE_RUNS = 5;

export const USAGE = `usage: npm run bench [-- OPTIONS]
       npm run bench -- checksum        nanoseconds a checksum, JavaScript and WebAssembly
       npm run bench -- strict-peers    nanoseconds that --strict-peers costs a datagram
       npm run bench -- classifier      the classifier and its flow cache by themselves (see its --help)
       npm run bench -- updates         round trips while rules change (see its --help; needs root)
Compares vtep with the kernel's VXLAN device, Open vSwitch's userspace datapath (where it is installed) and a naive
endpoint, side by side: runs alternate, a ratio is the median over the rounds.

  --quick             fewer rows, 3 rounds of 1 s: at most 90 s
  --rows ROW,…        these rows, or all whose name begins so
  --runs N            rounds of runs a row (default 5)
  --seconds S         length of one TCP or UDP run (default 3)
  --order ORDER       alternate (default: reversed with every round) or fixed (as --endpoints names them)
  --endpoints A,B,…   of ${ENDPOINT_KINDS.join(', ')} (default: all that are installed); ratios are to the first.
                      kernel,kernel shows the noise of this machine: 1.00 but for noise
  --json FILE         instead of bench/results/latest.json (a chart goes beside it)
  --baseline          (all rows, 5 rounds or more) replaces the committed baseline.json and chart.svg, and the tables in docs/performance.md
  --help

rows: ${ROWS.map(({ id }) => id).join(', ')}
`;

function whole(name: string, text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new Error(`--${name} is a whole number from 1 to 9999, not ${text}`);
  return Number(text);
}

function orderOf(text: string): Order {
  if (text === 'alternate' || text === 'fixed') return text;
  throw new Error(`--order is alternate or fixed, not ${text}`);
}

function kindOf(text: string): EndpointKind {
  const kind = ENDPOINT_KINDS.find((known) => known === text);
  if (kind === undefined) throw new Error(`an endpoint is one of ${ENDPOINT_KINDS.join(', ')}, not “${text}”`);
  return kind;
}

function endpointsOf(text: string): EndpointKind[] {
  const kinds = text.split(',').map(kindOf);
  if (kinds.length < 2) throw new Error(`--endpoints takes two or more, not ${text}`);
  return kinds;
}

/** Reads the words after `npm run bench --`; `help` where they ask for it. Throws what is to be told to the user. */
export function parseOptions(args: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      rows: { type: 'string' },
      runs: { type: 'string' },
      seconds: { type: 'string' },
      order: { type: 'string', default: 'alternate' },
      endpoints: { type: 'string' },
      json: { type: 'string' },
      baseline: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const { quick, rows, endpoints, json } = values;
  const options: Options = {
    rows: rows === undefined ? ROWS.filter((row) => row.quick || !quick) : rowsNamed(rows.split(',')),
    runs: whole('runs', values.runs ?? (quick ? '3' : '5')),
    seconds: whole('seconds', values.seconds ?? (quick ? '1' : '3')),
    order: orderOf(values.order),
    endpoints: endpoints === undefined ? ENDPOINT_KINDS.filter(isInstalled) : endpointsOf(endpoints),
    baseline: values.baseline,
    ...(json === undefined ? {} : { json }),
  };
  if (options.baseline) checkBaseline(options);
  return options;
}

/** What is committed speaks of every row, of enough rounds for a median, and of vtep next to the kernel. */
function checkBaseline({ rows, runs, endpoints }: Options): void {
  const [first] = endpoints;
  if (rows.length < ROWS.length) throw new Error('--baseline is of all rows: neither --quick nor --rows');
  if (runs < BASELINE_RUNS) throw new Error(`--baseline is of ${BASELINE_RUNS} rounds or more, not ${runs}`);
  if (first !== 'kernel' || !endpoints.includes('vtep')) throw new Error('--baseline compares vtep with the kernel');
}

/** The order of a round's runs; rounds are counted from 0. */
export function turn<T>(order: Order, round: number, contenders: readonly T[]): T[] {
  return order === 'alternate' && round % 2 === 1 ? [...contenders].reverse() : [...contenders];
}
