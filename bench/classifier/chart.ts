/** The time of a look-up over the number of rules, both in decades: a line a set and case. */
import type { Measured } from './measure.js';
import type { ClassifierResult } from './result.js';

const WIDTH = 860;
const HEIGHT = 460;
const LEFT = 76;
const RIGHT = 190;
const TOP = 76;
const BOTTOM = 66;

const COLOURS: Readonly<Record<Measured['kind'], string>> = {
  acl: '#2b7fb8',
  fw: '#d9480f',
  ipc: '#2f9e44',
  ten: '#7048e8',
};

export interface Point {
  readonly rules: number;
  /** Nanoseconds. */
  readonly time: number;
}

export interface Line {
  readonly kind: Measured['kind'];
  readonly name: 'hit' | 'miss';
  readonly points: readonly Point[];
}

/** Two lines a kind, in order of the rules. */
export function linesOf(sets: readonly Measured[]): Line[] {
  const kinds = [...new Set(sets.map(({ kind }) => kind))];
  return kinds.flatMap((kind) =>
    (['miss', 'hit'] as const).map((name) => ({
      kind,
      name,
      points: sets
        .filter((set) => set.kind === kind)
        .map((set) => ({ rules: set.rules, time: set[name].median }))
        .sort((a, b) => a.rules - b.rules),
    })),
  );
}

/** Powers of ten from the one at or below the least to the one at or above the greatest. */
export function decades(values: readonly number[]): number[] {
  const first = Math.floor(Math.log10(Math.min(...values)));
  const last = Math.max(first + 1, Math.ceil(Math.log10(Math.max(...values))));
  return Array.from({ length: last - first + 1 }, (_, i) => 10 ** (first + i));
}

function named(nanoseconds: number): string {
  return nanoseconds < 1000 ? `${nanoseconds} ns` : `${nanoseconds / 1000} µs`;
}

/** An SVG document. */
export function chart({ sets, machine, date }: ClassifierResult): string {
  const lines = linesOf(sets);
  const points = lines.flatMap((line) => line.points);
  const xs = decades(points.map(({ rules }) => rules));
  const ys = decades(points.map(({ time }) => time));
  const along = (value: number, ticks: readonly number[]): number => {
    const [first, last] = [ticks[0] ?? 1, ticks.at(-1) ?? 10].map(Math.log10) as [number, number];
    return (Math.log10(value) - first) / (last - first);
  };
  const x = (rules: number): string => (LEFT + (WIDTH - LEFT - RIGHT) * along(rules, xs)).toFixed(1);
  const y = (time: number): string => (HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * along(time, ys)).toFixed(1);
  const end = (values: readonly number[]): number => values.at(-1) ?? 1;
  const grid = [
    ...xs.map((rules) => {
      const at = x(rules);
      return `<line x1="${at}" y1="${TOP}" x2="${at}" y2="${HEIGHT - BOTTOM}" class="grid"/><text x="${at}" y="${HEIGHT - BOTTOM + 18}" class="tick">${rules.toLocaleString('en')}</text>`;
    }),
    ...ys.map((time) => {
      const at = y(time);
      return `<line x1="${LEFT}" y1="${at}" x2="${x(end(xs))}" y2="${at}" class="grid"/><text x="${LEFT - 8}" y="${Number(at) + 4}" class="side">${named(time)}</text>`;
    }),
  ];
  const drawn = lines.map(({ kind, name, points: of }) => {
    const path = of.map(({ rules, time }) => `${x(rules)},${y(time)}`).join(' ');
    const dots = of.map(
      ({ rules, time }) => `<circle cx="${x(rules)}" cy="${y(time)}" r="3" fill="${COLOURS[kind]}"/>`,
    );
    const dash = name === 'hit' ? ' stroke-dasharray="5 4"' : '';
    return `<polyline points="${path}" fill="none" stroke="${COLOURS[kind]}" stroke-width="2"${dash}/>${dots.join('')}`;
  });
  const legend = lines.map(({ kind, name }, i) => {
    const at = TOP + 10 + i * 22;
    const dash = name === 'hit' ? ' stroke-dasharray="5 4"' : '';
    return `<line x1="${WIDTH - RIGHT + 24}" y1="${at}" x2="${WIDTH - RIGHT + 56}" y2="${at}" stroke="${COLOURS[kind]}" stroke-width="2"${dash}/><text x="${WIDTH - RIGHT + 64}" y="${at + 4}" class="label">${kind}, ${name}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" font-family="system-ui, sans-serif" font-size="13">
<title>Time of a look-up over the number of rules</title>
<style>
  .head { font-size: 17px; font-weight: 600; fill: #1f2937 } .sub, .tick, .side, .note { fill: #6b7280; font-size: 12px }
  .tick { text-anchor: middle } .side { text-anchor: end } .label { fill: #374151; font-size: 12px } .grid { stroke: #e5e7eb }
</style>
<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>
<text x="20" y="30" class="head">Time of a look-up over the number of rules</text>
<text x="20" y="50" class="sub">Unbroken: answered by the classifier. Broken: answered by the flow cache. Lower is better.</text>
${grid.join('\n')}
${drawn.join('\n')}
${legend.join('\n')}
<text x="20" y="${HEIGHT - 14}" class="note">Rules generated in the manner of ClassBench. Linux ${machine.kernel}, Node.js ${machine.node}, ${machine.cpus} CPUs, ${date.slice(0, 10)}</text>
</svg>
`;
}
