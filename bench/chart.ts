/**
 * The result as a picture: how fast the endpoint under test is next to the kernel's device, a bar a row, a line where
 * the two are equal. Round trips are turned over (twice the time is half the speed), so that longer is always better.
 */
import type { Result, RowResult } from './result.js';
import { figure, ratioText } from './table.js';

const WIDTH = 860;
const LEFT = 232;
const RIGHT = 250;
const TOP = 78;
const PITCH = 34;
const BAR = 18;

export interface Bar {
  readonly title: string;
  /** Speed as a share of the kernel's: 1 is equal. */
  readonly speed: number;
  readonly low: number;
  readonly high: number;
  readonly target: number | undefined;
  readonly label: string;
}

export function barOf(row: RowResult, base: string): Bar {
  const { median, min, max } = row.ratio;
  const faster = row.unit === 'Gb/s';
  const speed = (ratio: number): number => (faster ? ratio : 1 / ratio);
  const [ours, theirs] = [row.tested, row.base].map((side) => figure(side.median, row.unit));
  return {
    title: row.title,
    speed: speed(median),
    low: speed(faster ? min : max),
    high: speed(faster ? max : min),
    target: row.target === undefined ? undefined : speed(row.target),
    label: `${ratioText(median, row.unit)} (${ours} ${row.unit}, ${base} ${theirs})`,
  };
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** An SVG document. */
export function chart(result: Result): string {
  const bars = result.rows.map((row) => barOf(row, result.base));
  const top = Math.max(1.2, ...bars.map(({ high }) => high * 1.05));
  const x = (speed: number): string => (LEFT + ((WIDTH - LEFT - RIGHT) * speed) / top).toFixed(1);
  const bottom = TOP + bars.length * PITCH;
  const height = bottom + 62;
  const text = (at: string | number, y: number, kind: string, words: string): string =>
    `<text x="${at}" y="${y}" class="${kind}">${escapeXml(words)}</text>`;
  const line = (x1: string, y1: number, x2: string, y2: number, kind: string): string =>
    `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" class="${kind}"/>`;

  const grid = [0, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4]
    .filter((speed) => speed <= top)
    .map((speed) => {
      const kind = speed === 1 ? 'equal' : 'grid';
      return `${line(x(speed), TOP - 6, x(speed), bottom, kind)}${text(x(speed), bottom + 16, 'tick', String(speed))}`;
    });
  const drawn = bars.map(({ title, speed, low, high, target, label }, i) => {
    const y = TOP + i * PITCH + (PITCH - BAR) / 2;
    const middle = y + BAR / 2;
    return [
      text(LEFT - 10, middle + 4, 'title', title),
      `<rect x="${x(0)}" y="${y}" width="${(Number(x(speed)) - LEFT).toFixed(1)}" height="${BAR}" rx="2" class="bar"/>`,
      line(x(low), middle, x(high), middle, 'range'),
      target === undefined ? '' : line(x(target), y - 4, x(target), y + BAR + 4, 'target'),
      text(WIDTH - RIGHT + 12, middle + 4, 'label', label),
    ].join('');
  });
  const { machine, runs } = result;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" font-family="system-ui, sans-serif" font-size="13">
<title>${escapeXml(`Speed of ${result.tested} as a share of the ${result.base}’s VXLAN device`)}</title>
<style>
  .head { font-size: 17px; font-weight: 600; fill: #1f2937 } .sub, .tick, .note { fill: #6b7280; font-size: 12px }
  .title { text-anchor: end; fill: #1f2937 } .tick { text-anchor: middle } .label { fill: #374151; font-size: 12px }
  .bar { fill: #2b7fb8 } .range { stroke: #0b3a5b; stroke-width: 2 } .grid { stroke: #e5e7eb }
  .equal { stroke: #1f2937; stroke-width: 1.5 } .target { stroke: #d9480f; stroke-width: 2 }
</style>
<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
${text(20, 30, 'head', `${result.tested} next to the ${result.base}’s VXLAN device`)}
${text(20, 50, 'sub', `Speed as a share of the ${result.base}’s, median of ${runs} paired runs; longer is better, 1 is equal`)}
${grid.join('\n')}
${drawn.join('\n')}
${text(20, height - 14, 'note', `Dark line: range of the runs. Orange: target. Round trips show 1 / time. Linux ${machine.kernel}, Node.js ${machine.node}, ${machine.cpus} CPUs, ${result.date.slice(0, 10)}`)}
</svg>
`;
}
