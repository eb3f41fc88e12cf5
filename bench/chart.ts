/**
 * The result as a picture: how fast each endpoint is next to the kernel's device, a group of bars a row, a line where
 * they are equal. Round trips are turned over (twice the time is half the speed), so that longer is always better.
 */
import type { Result, RowResult } from './result.js';
import { moreIsBetter } from './rows.js';
import { figure, ratioText } from './table.js';

const WIDTH = 880;
const LEFT = 262;
const RIGHT = 230;
const TOP = 96;
const PITCH = 38;
/** Height of the tested endpoint's bar, and of each of the others below it. */
const BAR = 14;
const THIN = 5;
const COLOURS = ['#9aa5b1', '#d9b44a', '#8fb996', '#c58bb0', '#7a6f9b', '#b5654a'];

export interface Bar {
  /** Speed as a share of the base's: 1 is equal. */
  readonly speed: number;
  readonly low: number;
  readonly high: number;
}

/** Of an endpoint in a row; undefined where it has no ratio to the base there. */
export function barOf({ ratios, unit }: RowResult, name: string): Bar | undefined {
  const ratio = ratios[name];
  if (ratio === undefined || unit === '%') return undefined;
  const { median, min, max } = ratio;
  return moreIsBetter(unit)
    ? { speed: median, low: min, high: max }
    : { speed: 1 / median, low: 1 / max, high: 1 / min };
}

/** The target as a share of the base's speed. */
export function targetOf({ target, unit }: RowResult): number | undefined {
  if (target === undefined || unit === '%') return undefined;
  return moreIsBetter(unit) ? target : 1 / target;
}

/** What stands beside a bar: the ratio and both figures. */
export function labelOf({ ratios, sides, unit }: RowResult, tested: string, base: string): string {
  const ratio = ratios[tested]?.median ?? Number.NaN;
  const [ours, theirs] = [sides[tested], sides[base]].map((side) => figure(side?.median ?? Number.NaN, unit));
  return `${ratioText(ratio, unit)} (${ours} ${unit}, ${base} ${theirs})`;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** An SVG document. */
export function chart(result: Result): string {
  const { base, tested, others, machine, runs } = result;
  const rows = result.rows.filter((row) => barOf(row, tested) !== undefined);
  const all = rows
    .flatMap((row) => [tested, ...others].map((name) => barOf(row, name)))
    .filter((bar) => bar !== undefined);
  const top = Math.max(1.2, ...all.map(({ high }) => high * 1.05));
  const x = (speed: number): string => (LEFT + ((WIDTH - LEFT - RIGHT) * speed) / top).toFixed(1);
  const bottom = TOP + rows.length * PITCH;
  const height = bottom + 62;
  const text = (at: string | number, y: number, kind: string, words: string): string =>
    `<text x="${at}" y="${y}" class="${kind}">${escapeXml(words)}</text>`;
  const line = (x1: string, y1: number, x2: string, y2: number, kind: string): string =>
    `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" class="${kind}"/>`;
  const rect = (speed: number, y: number, high: number, kind: string, fill: string): string =>
    `<rect x="${x(0)}" y="${y}" width="${(Number(x(speed)) - LEFT).toFixed(1)}" height="${high}" rx="1.5" class="${kind}"${fill}/>`;

  const grid = [0, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4]
    .filter((speed) => speed <= top)
    .map((speed) => {
      const kind = speed === 1 ? 'equal' : 'grid';
      return `${line(x(speed), TOP - 6, x(speed), bottom, kind)}${text(x(speed), bottom + 16, 'tick', String(speed))}`;
    });
  const drawn = rows.map((row, i) => {
    const bar = barOf(row, tested) ?? { speed: 0, low: 0, high: 0 };
    const target = targetOf(row);
    const thin = others.flatMap((name, k) => {
      const other = barOf(row, name);
      return other === undefined ? [] : [{ speed: other.speed, colour: COLOURS[k % COLOURS.length] }];
    });
    const y = TOP + i * PITCH + (PITCH - BAR - THIN * thin.length) / 2;
    const middle = y + BAR / 2;
    return [
      text(LEFT - 10, middle + 5, 'title', row.title),
      rect(bar.speed, y, BAR, 'bar', ''),
      line(x(bar.low), middle, x(bar.high), middle, 'range'),
      target === undefined ? '' : line(x(target), y - 3, x(target), y + BAR + 3, 'target'),
      ...thin.map(({ speed, colour }, k) => rect(speed, y + BAR + k * THIN, THIN - 1, 'other', ` fill="${colour}"`)),
      text(WIDTH - RIGHT + 12, middle + 5, 'label', labelOf(row, tested, base)),
    ].join('');
  });
  let right = 20;
  const legend = [tested, ...others].map((name, k) => {
    const at = right;
    right += 36 + name.length * 7;
    const colour = k === 0 ? '#2b7fb8' : COLOURS[(k - 1) % COLOURS.length];
    return `<rect x="${at}" y="62" width="12" height="10" fill="${colour}"/>${text(at + 18, 71, 'sub', name)}`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" font-family="system-ui, sans-serif" font-size="13">
<title>${escapeXml(`Speed of ${tested} as a share of the ${base}’s VXLAN device`)}</title>
<style>
  .head { font-size: 17px; font-weight: 600; fill: #1f2937 } .sub, .tick, .note { fill: #6b7280; font-size: 12px }
  .title { text-anchor: end; fill: #1f2937 } .tick { text-anchor: middle } .label { fill: #374151; font-size: 12px }
  .bar { fill: #2b7fb8 } .range { stroke: #0b3a5b; stroke-width: 2 } .grid { stroke: #e5e7eb }
  .equal { stroke: #1f2937; stroke-width: 1.5 } .target { stroke: #d9480f; stroke-width: 2 }
</style>
<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
${text(20, 30, 'head', `${tested} next to the ${base}’s VXLAN device`)}
${text(20, 50, 'sub', `Speed as a share of the ${base}’s, median of ${runs} rounds of runs; longer is better, 1 is equal`)}
${legend.join('')}
${grid.join('\n')}
${drawn.join('\n')}
${text(20, height - 14, 'note', `Dark line: range of the runs. Orange: target. Round trips show 1 / time. Linux ${machine.kernel}, Node.js ${machine.node}, ${machine.cpus} CPUs, ${result.date.slice(0, 10)}`)}
</svg>
`;
}
