/** npm run bench -- classifier: every rule set in a process of its own, one after the other. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { replaceSection } from '../files.js';
import { Progress } from '../progress.js';
import { describeMachine, otherWork } from '../requirements.js';
import { toJson } from '../result.js';
import { warnings } from '../table.js';
import { chart } from './chart.js';
import type { Measured } from './measure.js';
import { CLASSIFIER_USAGE, type ClassifierOptions, parseClassifierOptions } from './options.js';
import { type ClassifierResult, disturbed, merged } from './result.js';
import type { RuleSetKind } from './rule-sets.js';
import { markdownTable, textTable } from './table.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const RESULTS = `${root}bench/results`;
/** How often what was disturbed is measured again. */
const RETRIES = 3;
const BASELINE = `${RESULTS}/classifier.json`;
const DOCUMENT = `${root}docs/performance.md`;
const BEGIN = '<!-- written by npm run bench -- classifier --baseline: begin -->';
const END = '<!-- written by npm run bench -- classifier --baseline: end -->';

function measureApart(kind: RuleSetKind, rules: number, rounds: number): Promise<Measured> {
  const program = fileURLToPath(new URL('./measure.js', import.meta.url));
  const child = spawn(process.execPath, ['--expose-gc', program, kind, `${rules}`, `${rounds}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(JSON.parse(printed) as Measured);
      else reject(new Error(`${kind}, ${rules} rules: the measurement ended with ${code}`));
    });
  });
}

async function measureAll(options: ClassifierOptions, progress: Progress): Promise<ClassifierResult> {
  const { kinds, sizes, rounds } = options;
  progress.now('looking at the machine');
  let busy = await otherWork();
  for (const warning of warnings(busy)) progress.line(warning);
  const all = kinds.flatMap((kind) => sizes.map((rules) => ({ kind, rules })));
  const sets: Measured[] = [];
  for (const [i, { kind, rules }] of all.entries()) {
    progress.now(`${i + 1}/${all.length} ${kind}, ${rules.toLocaleString('en')} rules`);
    const set = await measureApart(kind, rules, rounds);
    sets.push(set);
    const [hit, miss] = [set.hit, set.miss].map(({ median }) => `${median.toFixed(0)} ns`);
    progress.line(`${kind}, ${rules.toLocaleString('en')} rules: hit ${hit}, miss ${miss}`);
  }
  for (let more = RETRIES; more > 0; more--) {
    const slowed = disturbed(sets);
    if (slowed.length === 0) break;
    for (const { kind, rules } of slowed) {
      progress.now(`again, because something else had the processor: ${kind}, ${rules.toLocaleString('en')} rules`);
      const set = await measureApart(kind, rules, rounds);
      const i = sets.findIndex((each) => each.kind === kind && each.rules === rules);
      if (set.pace < (sets[i]?.pace ?? 0)) sets[i] = set;
    }
  }
  busy = Math.max(busy, await otherWork());
  progress.clear();
  return {
    ...{ version: 1, date: new Date().toISOString(), rounds, sets },
    machine: { ...describeMachine(), otherWork: busy },
  };
}

function write(result: ClassifierResult, file: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, toJson(result));
  writeFileSync(`${file.replace(/\.json$/, '')}.svg`, chart(result));
}

/** `args`: what stands behind the word `classifier`. Gives the exit code. */
export async function benchClassifier(args: readonly string[]): Promise<number> {
  let options: ClassifierOptions | 'help';
  try {
    options = parseClassifierOptions(args);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${CLASSIFIER_USAGE}`);
    return 2;
  }
  if (options === 'help') {
    process.stdout.write(CLASSIFIER_USAGE);
    return 0;
  }
  const result = await measureAll(options, new Progress(process.stdout));
  process.stdout.write(`\n${textTable(result)}`);
  const file = options.json ?? `${RESULTS}/classifier-latest.json`;
  write(result, file);
  if (options.baseline) {
    const whole = existsSync(BASELINE)
      ? merged(JSON.parse(readFileSync(BASELINE, 'utf8')) as ClassifierResult, result)
      : result;
    write(whole, BASELINE);
    writeFileSync(DOCUMENT, replaceSection(readFileSync(DOCUMENT, 'utf8'), markdownTable(whole), BEGIN, END));
  }
  const shown = file.startsWith(root) ? file.slice(root.length) : file;
  process.stdout.write(`Written: ${shown} and the chart beside it${options.baseline ? ', and the baseline' : ''}\n`);
  return 0;
}
