/** The words behind `vtep capture`, as they go to the daemon. */
import { CommandError } from '../../iproute/commands.js';
import { suggest } from '../../iproute/suggest.js';
import { CapturePoint, LONGEST_CAPTURE } from '../../memory/capture-ring.js';
import type { ReasonNames } from '../../memory/reason-names.js';

/** Where a filter stands, as it is typed. */
export interface RuleWords {
  readonly dev: string;
  readonly hook: 'ingress' | 'egress';
  readonly chain: number;
  readonly pref: number;
  /** Absent: the only one of its pref. */
  readonly handle?: number;
}

export interface CaptureRequest {
  /** CapturePoints. */
  readonly points: readonly number[];
  readonly device?: string;
  readonly vni?: number;
  readonly rule?: RuleWords;
  /** Name of a reason. */
  readonly reason?: string;
  /** Packets until the end; seconds until it. */
  readonly count?: number;
  readonly seconds?: number;
  readonly snapLength: number;
  /** Lines for people, instead of a file. */
  readonly isText: boolean;
}

/** By the word that people use. */
export const POINTS: Readonly<Record<string, number>> = {
  'underlay-in': CapturePoint.UNDERLAY_IN,
  decap: CapturePoint.DECAP,
  host: CapturePoint.HOST,
  out: CapturePoint.OUT,
  'underlay-out': CapturePoint.UNDERLAY_OUT,
  drop: CapturePoint.DROP,
};
const POINT_NAMES = Object.keys(POINTS);
/** Points at which a frame has not met a rule yet. */
const BEFORE_RULES: readonly number[] = [CapturePoint.UNDERLAY_IN, CapturePoint.DECAP, CapturePoint.HOST];

/** Throws CommandError, which names the word that is wrong. `known`: which reasons there are; undefined: any word may be one. */
export function readCaptureWords(
  words: readonly string[],
  known: Pick<ReasonNames, 'list'> | undefined,
): CaptureRequest {
  const request: { -readonly [K in keyof CaptureRequest]: CaptureRequest[K] } = {
    points: [],
    snapLength: LONGEST_CAPTURE,
    isText: false,
  };
  const reader = new Words(words);
  for (let word = reader.next(); word !== undefined; word = reader.next()) {
    switch (word) {
      case '--at':
        request.points = readPoints(reader.value(word));
        break;
      case '--count':
        request.count = reader.number(word, 1, 1e9);
        break;
      case '--snap':
        request.snapLength = reader.number(word, 1, LONGEST_CAPTURE);
        break;
      case '--seconds':
        request.seconds = reader.number(word, 1, 1e6);
        break;
      case '--text':
        request.isText = true;
        break;
      case 'dev':
        request.device = reader.value(word);
        break;
      case 'vni':
        request.vni = reader.number(word, 0, 0xffffff);
        break;
      case 'reason':
        request.reason = readReason(reader.value(word), known);
        break;
      case 'rule':
        request.rule = readRule(reader);
        break;
      default:
        throw refused(`"${word}" is none of: dev, vni, rule, reason${suggest(word, ['dev', 'vni', 'rule', 'reason'])}`);
    }
  }
  return withPoints(request);
}

/** Where nothing was said, the points at which there can be what is asked for. */
function withPoints(request: CaptureRequest): CaptureRequest {
  const { points, rule, reason } = request;
  const isPossible = (point: number): boolean =>
    (reason === undefined || point === CapturePoint.DROP) && (rule === undefined || !BEFORE_RULES.includes(point));
  if (points.length === 0) return { ...request, points: Object.values(POINTS).filter(isPossible) };
  const wrong = POINT_NAMES.find((name) => points.includes(POINTS[name] ?? -1) && !isPossible(POINTS[name] ?? -1));
  if (wrong === undefined) return request;
  throw refused(
    reason === undefined
      ? `--at ${wrong} comes before the filters, and "rule" would find nothing there`
      : `"reason" is about --at drop, not ${wrong}`,
  );
}

function readPoints(word: string): number[] {
  return word.split(',').flatMap((name) => {
    if (name === 'underlay') return [CapturePoint.UNDERLAY_IN, CapturePoint.UNDERLAY_OUT];
    if (name === 'all') return Object.values(POINTS);
    const point = Object.hasOwn(POINTS, name) ? POINTS[name] : undefined;
    if (point !== undefined) return [point];
    throw refused(
      `--at "${name}" is none of: ${POINT_NAMES.join(', ')}, underlay, all${suggest(name, [...POINT_NAMES, 'underlay', 'all'])}`,
    );
  });
}

function readReason(word: string, known: Pick<ReasonNames, 'list'> | undefined): string {
  if (known === undefined) return word;
  const names = known.list().map(({ name }) => name);
  if (names.includes(word)) return word;
  throw refused(`"${word}" is no reason${suggest(word, names) || ' (docs/drops.md has all of them)'}`);
}

/** `dev X [ingress|egress] [chain N] pref N [handle N]`, as a rule is printed. */
function readRule(reader: Words): RuleWords {
  let dev: string | undefined;
  let hook: RuleWords['hook'] = 'ingress';
  let chain = 0;
  let pref: number | undefined;
  let handle: number | undefined;
  for (;;) {
    const word = reader.peek();
    if (word === 'dev' && dev === undefined) dev = reader.skip().value('rule dev');
    else if (word === 'ingress' || word === 'egress') {
      hook = word;
      reader.skip();
    } else if (word === 'chain') chain = reader.skip().number('rule chain', 0, 0x0fffffff);
    else if (word === 'pref' || word === 'prio') pref = reader.skip().number('rule pref', 1, 65_535);
    else if (word === 'handle') handle = reader.skip().number('rule handle', 1, 0xffffffff);
    else break;
  }
  if (dev === undefined || pref === undefined) {
    throw refused('a rule is named as in: rule dev vxlan0 ingress chain 0 pref 1 handle 0x1');
  }
  return { dev, hook, chain, pref, ...(handle !== undefined && { handle }) };
}

class Words {
  private readonly words: readonly string[];
  private at = 0;

  constructor(words: readonly string[]) {
    this.words = words;
  }

  peek(): string | undefined {
    return this.words[this.at];
  }

  next(): string | undefined {
    return this.words[this.at++];
  }

  skip(): this {
    this.at++;
    return this;
  }

  value(name: string): string {
    const value = this.next();
    if (value === undefined) throw refused(`"${name}" needs a value`);
    return value;
  }

  number(name: string, least: number, most: number): number {
    const word = this.value(name);
    const value = /^(?:0x[0-9a-f]+|\d+)$/i.test(word) ? Number(word) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw refused(`"${name}" takes a number from ${least} to ${most}, not "${word}"`);
  }
}

function refused(sentence: string): CommandError {
  return new CommandError(`vtep: capture: ${sentence}`, 1);
}
