/**
 * npm run torture [-- [--brief] [--list] [--json FILE] [--write] [NAME…]]: what it counts is printed as it comes; exit 1
 * where a promise is broken. `--write` puts the table into docs/torture.md.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { findScenarios } from './find-scenarios.js';
import type { Scenario } from './scenario.js';
import { type Outcome, outcomeLines, outcomeTable } from './table.js';

const PAGE = fileURLToPath(new URL('../../../docs/torture.md', import.meta.url));
const BEGIN = '<!-- figures -->';
const END = '<!-- end of figures -->';

function say(what: string): void {
  const { stderr } = process;
  if (stderr.isTTY) stderr.write(`\r\x1b[K${what.slice(0, (stderr.columns || 80) - 1)}`);
}

async function outcomeOf(scenario: Scenario, brief: boolean): Promise<Outcome> {
  const begin = Date.now();
  const seconds = (): number => (Date.now() - begin) / 1000;
  try {
    const figures = await scenario.run({ brief, say: (what) => say(`${scenario.name}: ${what}`) });
    return { scenario, seconds: seconds(), figures };
  } catch (error) {
    const broken = error instanceof Error ? error.message : String(error);
    return { scenario, seconds: seconds(), figures: [], broken };
  }
}

function writePage(outcomes: readonly Outcome[]): void {
  const page = readFileSync(PAGE, 'utf8');
  const from = page.indexOf(BEGIN);
  const to = page.indexOf(END);
  if (from < 0 || to < from) throw new Error(`docs/torture.md has no ${BEGIN} … ${END}`);
  writeFileSync(PAGE, `${page.slice(0, from + BEGIN.length)}\n${outcomeTable(outcomes)}\n${page.slice(to)}`);
}

async function main(words: readonly string[]): Promise<void> {
  const json = words.indexOf('--json');
  const file = json < 0 ? undefined : words[json + 1];
  if (json >= 0 && (file === undefined || file.startsWith('-'))) throw new Error('--json needs a file to write');
  const rest = words.filter((_, at) => json < 0 || (at !== json && at !== json + 1));
  const flags = rest.filter((word) => word.startsWith('-'));
  const names = rest.filter((word) => !word.startsWith('-'));
  const unknown = flags.find((flag) => !['--brief', '--list', '--write'].includes(flag));
  if (unknown !== undefined) throw new Error(`what is "${unknown}"? npm run torture -- --help tells`);
  const all = await findScenarios();
  const stranger = names.find((name) => all.every((scenario) => scenario.name !== name));
  if (stranger !== undefined) throw new Error(`no scenario is called "${stranger}"; --list names them`);
  if (flags.includes('--write') && names.length > 0)
    throw new Error('--write takes the whole table: leave the names out');
  const chosen = all.filter(({ name }) => names.length === 0 || names.includes(name));
  if (flags.includes('--list')) {
    for (const { name, title } of chosen) process.stdout.write(`${name.padEnd(26)} ${title}\n`);
    return;
  }
  const outcomes: Outcome[] = [];
  for (const scenario of chosen) {
    say(scenario.name);
    const outcome = await outcomeOf(scenario, flags.includes('--brief'));
    outcomes.push(outcome);
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
    process.stdout.write(outcomeLines(outcome));
  }
  const broken = outcomes.filter((outcome) => outcome.broken !== undefined).length;
  process.stdout.write(`\n${outcomes.length - broken} of ${outcomes.length} promises kept\n`);
  if (file !== undefined) writeFileSync(file, `${JSON.stringify(outcomes, undefined, 2)}\n`);
  if (flags.includes('--write')) writePage(outcomes);
  if (broken > 0) process.exitCode = 1;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`torture: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
