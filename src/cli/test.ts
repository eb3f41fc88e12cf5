import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { CommandError } from '../iproute/commands.js';
import {
  allHold,
  type FileResult,
  jsonResults,
  junitResults,
  printResults,
  tapResults,
} from '../lab/rule-tests/print-results.js';
import { readTests } from '../lab/rule-tests/read-tests.js';
import { runCase } from '../lab/rule-tests/run-case.js';
import { errorText } from '../native/errno.js';
import { readPackets } from './read-packets.js';

export interface TestWords {
  readonly json?: boolean;
  readonly tap?: boolean;
  readonly junit?: boolean;
}

/**
 * `vtep test`: exit code 0 where all cases hold, 1 where some do not, 2 where a file is wrong. Of a file that is wrong
 * stderr says why, and the others are run.
 */
export async function test(files: readonly string[], words: TestWords): Promise<void> {
  const { json = false, tap = false, junit = false } = words;
  if ([json, tap, junit].filter(Boolean).length > 1)
    throw new CommandError('vtep: --json, --tap and --junit exclude each other', 2);
  const results: FileResult[] = [];
  let code = 0;
  for (const file of files) {
    try {
      results.push(await runFile(file));
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      process.stderr.write(`${error.message}\n`);
      code = Math.max(code, error.exitCode);
    }
  }
  if (results.length > 0) process.stdout.write(textOf(results, { json, tap, junit }));
  process.exitCode = Math.max(code, allHold(results) ? 0 : 1);
}

async function runFile(file: string): Promise<FileResult> {
  // What a file names stands beside it, wherever the test is run.
  const beside = (name: string): string => resolve(dirname(file), name);
  const tests = readTests(read(file), file, (name) => readFileSync(beside(name), 'utf8'));
  const cases: FileResult['cases'][number][] = [];
  for (const one of tests.cases) cases.push(await runCase(tests, one, (name) => readPackets(beside(name))));
  return { file, cases };
}

function textOf(results: readonly FileResult[], { json, tap, junit }: Required<TestWords>): string {
  if (json) return jsonResults(results);
  if (tap) return tapResults(results);
  return junit
    ? junitResults(results)
    : printResults(results, process.stdout.isTTY ? process.stdout.columns : undefined);
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CommandError(`vtep: ${file}: ${errorText(error)}`, 2);
  }
}
