// What the commands' own words are refused with, and what help there is: in this process, for there are many.

import test from 'ava';
import type { Command } from 'commander';
import { CommandError } from '../iproute/commands.js';
import { helpText, helpTopics } from '../iproute/help.js';
import { foldGrammar } from './help-layout.js';
import { withHelp } from './help-word.js';
import { program } from './program.js';

interface Ended {
  readonly out: string;
  readonly err: string;
  readonly code: number;
}

/** Runs words of which nothing but help comes, in a terminal of so many columns. */
async function run(words: readonly string[], width = 80): Promise<Ended> {
  let [out, err] = ['', ''];
  const vtep = program();
  const listen = (command: Command): void => {
    command.configureOutput({
      writeOut: (text) => {
        out += text;
      },
      writeErr: (text) => {
        err += text;
      },
      getOutHelpWidth: () => width,
      getErrHelpWidth: () => width,
    });
    command.commands.forEach(listen);
  };
  listen(vtep);
  try {
    await vtep.parseAsync(withHelp(vtep, words), { from: 'user' });
    return { out, err, code: 0 };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { out, err: `${err}${error.message === '' ? '' : `${error.message}\n`}`, code: error.exitCode };
  }
}

const wrong = [
  ['frobnicate', 1, /^vtep: unknown command "frobnicate"\n\(vtep help lists the commands\)\n$/],
  ['drps', 1, /^vtep: unknown command "drps"\nvtep: did you mean "drops"\?\n/],
  ['--frob', 1, /^vtep: unknown option "--frob"\n\(vtep help lists the commands\)\n$/],
  ['--atomic --force', 1, /^vtep: --atomic does not go with --force\n/],
  ['run --frob', 1, /^vtep: run: unknown option "--frob"\n\(vtep help run says more\)\n$/],
  ['run -b', 1, /^vtep: run: --batch needs a value: -b, --batch <file>\n/],
  ['run --ready-fd x', 1, /^vtep: run: --ready-fd "x" is wrong: a descriptor is a small number\n/],
  ['run --classifier x', 1, /--classifier "x" is wrong: tuple-space or linear\n/],
  ['run --workers 0', 1, /--workers "0" is wrong: 1 to 64 workers\n/],
  ['run --workers x', 1, /--workers "x" is wrong: 1 to 64 workers\n/],
  ['run --cpus 0,3-1', 1, /"3-1" is no processor, nor a range of them/],
  ['run --cpus 0,', 1, /"" is no processor/],
  ['run --cpus 1024', 1, /"1024" is no processor/],
  ['run --busy-poll -1', 1, /microseconds, at most 1000000; 0 is off/],
  ['run --metrics x', 1, /--metrics "x" is wrong: \[ADDRESS:\]PORT/],
  ['run extra words', 1, /^vtep: run: "extra" is too much\n/],
  ['top devices extra', 1, /^vtep: top: "extra" is too much\n/],
  ['top --jsom', 1, /^vtep: top: unknown option "--jsom"\nvtep: did you mean "--json"\?\n/],
  ['trace --near x', 1, /^vtep: trace: --near "x" is wrong: a number from 0 on\n/],
  ['replay', 1, /^vtep: replay: -b, --batch <file> is missing\n/],
  ['workers --frob', 1, /unknown option "--frob"/],
  ['drops --frob', 1, /unknown option "--frob"/],
  ['help drps', 1, /^vtep: help: unknown command "drps"\nvtep: did you mean "drops"\?\n/],
  ['help drops extra', 1, /^vtep: help: "extra" is too much\n/],
  ['help ip route', 1, /^vtep: help: "route" is the system's ip's: ip route help\n/],
  ['help tc frob', 255, /^Object "frob" is unknown, try "tc help"\.\n/],
  // What answers with 1 says with 2 that it did not look.
  ['doctor --frob', 2, /^vtep: doctor: unknown option "--frob"\n\(vtep help doctor says more\)\n$/],
  ['lint extra', 2, /^vtep: lint: "extra" is too much\n/],
  ['test', 2, /^vtep: test: <file> is missing\n/],
] as const;
for (const [line, exit, message] of wrong) {
  test(`vtep ${line} ends with ${exit} and says what is wrong`, async (t) => {
    const { out, err, code } = await run(line.split(' '));
    t.is(code, exit);
    t.is(out, '');
    t.regex(err, message);
  });
}

test('help of every command is the same in front of it, behind it, and by its options', async (t) => {
  for (const command of program().commands.map((each) => each.name())) {
    if (['ip', 'tc', 'bridge', 'monitor', 'help'].includes(command)) continue;
    const { out, err, code } = await run(['help', command]);
    t.deepEqual([code, err], [0, '']);
    t.regex(out, new RegExp(`^Usage: vtep ${command} `));
    for (const argv of [
      [command, 'help'],
      [command, '-h'],
      [command, '--help'],
    ])
      t.deepEqual(await run(argv), { out, err: '', code: 0 }, argv.join(' '));
  }
});

test('help is as wide as the terminal, whatever that is', async (t) => {
  for (const width of [40, 60, 80, 110, 200]) {
    for (const command of ['', ...program().commands.map((each) => each.name())]) {
      if (['ip', 'tc', 'bridge', 'help'].includes(command)) continue;
      const { out } = await run(
        ['help', command].filter((word) => word !== ''),
        width,
      );
      // A line that is there to be typed stays one.
      const long = out.split('\n').filter((line) => line.length > width && !line.startsWith('  vtep '));
      t.deepEqual(long, [], `${command} at ${width}`);
    }
  }
});

test('the grammar is broken at blanks where the terminal is narrower, and loses no word', (t) => {
  for (const topic of helpTopics) {
    const text = helpText(topic);
    t.is(foldGrammar(text, 200), text);
    for (const width of [40, 80]) {
      const lines = foldGrammar(text, width).split('\n');
      t.deepEqual(
        lines.filter((line) => line.length > width),
        [],
        topic,
      );
      t.deepEqual(lines.join(' ').trim().split(/\s+/), text.trim().split(/\s+/), topic);
    }
  }
});
