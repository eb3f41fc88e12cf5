/** npm run fuzz; options.ts says how it is called, fuzzer.ts what it does. */
import './coverage.js';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { corpusFolder, nameOf, readInputs, writeInputs } from './corpus.js';
import type { FuzzFigures } from './figures.js';
import { type Finding, Fuzzer, type Progress, tried } from './fuzzer.js';
import { HELP, type Options, parseOptions } from './options.js';
import type { Target } from './target.js';
import { TARGETS } from './targets.js';
import { Watchdog } from './watchdog.js';

const number = (value: number): string => value.toLocaleString('en-US');

function say(what: string): void {
  const { stderr } = process;
  if (stderr.isTTY) stderr.write(`\r\x1b[K${what.slice(0, (stderr.columns || 80) - 1)}`);
}

function sayProgress(target: Target, left: number, { inputs, blocks, corpus, findings }: Progress): void {
  say(
    `${target.name}: ${Math.max(0, left).toFixed(0)} s left, ${number(inputs)} inputs, ${number(blocks)} blocks, ` +
      `${corpus} kept, ${findings} findings`,
  );
}

/** Writes the input and what it brings about; returns the input's file. */
function keepFinding(target: Target, { input, error }: Pick<Finding, 'input' | 'error'>, folder: string): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${target.name}-${nameOf(input)}`);
  writeFileSync(file, input);
  const replay = `npm run fuzz -- ${target.name} --replay ${file}`;
  writeFileSync(`${file}.txt`, `${replay}\n\n${error.stack ?? error.message}\n\n${target.show(input)}\n`);
  return file;
}

async function fuzz(target: Target, options: Options, watchdog: Watchdog): Promise<FuzzFigures> {
  const begin = Date.now();
  const end = begin + options.seconds * 1000;
  const fuzzer = new Fuzzer(target, {
    seed: options.seed,
    milliseconds: options.seconds * 1000,
    ...(options.runs !== undefined && { inputs: options.runs }),
    guided: options.guided,
    corpus: readInputs(corpusFolder(target.name)),
    watch: (input) => watchdog.watch(target.name, input),
    say: (progress) => sayProgress(target, (end - Date.now()) / 1000, progress),
  });
  try {
    await fuzzer.run();
  } finally {
    watchdog.rest();
    await target.close?.();
  }
  say('');
  const { inputs, blocks, corpus, findings } = { ...fuzzer.progress, findings: fuzzer.findings };
  const seconds = (Date.now() - begin) / 1000;
  const counts = `${number(inputs)} inputs in ${seconds.toFixed(0)} s, ${number(blocks)} blocks, ${corpus} reached new ones`;
  process.stdout.write(`${findings.length === 0 ? 'held  ' : 'BROKEN'} ${target.name.padEnd(12)} ${counts}\n`);
  const files = findings.map((finding) => {
    const file = keepFinding(target, finding, options.findings);
    const [what = ''] = finding.error.message.split('\n', 1);
    const when = `after ${number(finding.after)} inputs, ${(finding.milliseconds / 1000).toFixed(1)} s`;
    process.stdout.write(
      `       ${what} (${when})\n       npm run fuzz -- ${target.name} --replay ${relative('.', file)}\n`,
    );
    return file;
  });
  if (options.modules) {
    for (const { module, ran, not } of fuzzer.coverage.modules().sort((a, b) => b.not - a.not))
      process.stdout.write(`       ${number(ran).padStart(6)} of ${number(ran + not).padStart(6)} ${module}\n`);
  }
  if (options.save) writeInputs(corpusFolder(target.name), fuzzer.corpus);
  return { target: target.name, inputs, seconds, blocks, corpus, findings: files };
}

async function replay(target: Target, file: string): Promise<void> {
  const input = Uint8Array.from(readFileSync(file));
  process.stdout.write(`${target.show(input)}\n`);
  const error = await tried(target, input);
  await target.close?.();
  if (error === undefined) {
    process.stdout.write('held\n');
    return;
  }
  process.stdout.write(`BROKEN ${error.stack ?? error.message}\n`);
  process.exitCode = 1;
}

async function main(words: readonly string[]): Promise<void> {
  const options = parseOptions(
    words,
    TARGETS.map(({ name }) => name),
  );
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  const chosen = TARGETS.filter(({ name }) => options.targets.includes(name));
  if (options.list) {
    for (const { name, title } of chosen) process.stdout.write(`${name.padEnd(12)} ${title}\n`);
    return;
  }
  const [first] = chosen;
  if (options.replay !== undefined && first !== undefined) {
    await replay(first, options.replay);
    return;
  }
  process.stdout.write(`seed ${options.seed}\n`);
  const watchdog = new Watchdog(options.findings);
  const figures: FuzzFigures[] = [];
  for (const target of chosen) figures.push(await fuzz(target, options, watchdog));
  await watchdog.close();
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(figures, undefined, 2)}\n`);
  if (figures.some(({ findings }) => findings.length > 0)) process.exitCode = 1;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`fuzz: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
