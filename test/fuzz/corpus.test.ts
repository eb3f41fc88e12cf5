// What the fuzzer has kept, and what it has found, holds; and its own parts do what they say.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { decodeBurst, encodeBurst } from './burst.js';
import { corpusFolder, nameOf, readInputs } from './corpus.js';
import { mutateBytes } from './mutate.js';
import { HELP, parseOptions } from './options.js';
import { Random } from './random.js';
import { smallest } from './shrink.js';
import { TARGETS } from './targets.js';
import { Onlooker } from './watchdog.js';

const MAIN = fileURLToPath(new URL('./main.js', import.meta.url));
const NAMES = TARGETS.map(({ name }) => name);
/** Bytes that all corpora together may take in the repository. */
const MOST_BYTES = 225_000;

for (const target of TARGETS) {
  test.serial(`${target.name}: every input of the corpus holds`, async (t) => {
    const inputs = readInputs(corpusFolder(target.name));
    t.true(inputs.length > 0);
    for (const input of inputs) {
      try {
        await target.run(input);
      } catch (error) {
        t.log(target.show(input));
        throw error;
      }
    }
    await target.close?.();
  });
}

test('the corpora are small, and each file is named after its content', (t) => {
  let bytes = 0;
  for (const name of NAMES) {
    const folder = corpusFolder(name);
    for (const file of readdirSync(folder)) {
      const input = readFileSync(join(folder, file));
      bytes += input.length;
      t.is(file, nameOf(input), `${name}/${file}`);
    }
  }
  t.true(bytes <= MOST_BYTES, `${bytes} bytes`);
});

test('every string of bytes is a burst, and what is written of one is read again', (t) => {
  const random = new Random(7);
  let input: Uint8Array = new Uint8Array(40).map(() => random.below(256));
  for (let n = 0; n < 300; n++) {
    const burst = decodeBurst(input);
    t.deepEqual(decodeBurst(encodeBurst(burst)), burst);
    input = mutateBytes(input, input, random, 300);
  }
});

test('chance is the same for the same seed', (t) => {
  const some = (seed: number): number[] => {
    const random = new Random(seed);
    return Array.from({ length: 5 }, () => random.below(1000));
  };
  t.deepEqual(some(3), some(3));
  t.notDeepEqual(some(3), some(4));
  t.is(new Random(0).below(0), 0);
});

test('a finding is made smaller as long as it fails', async (t) => {
  const input = Uint8Array.from({ length: 100 }, (_, n) => n);
  const found = await smallest(input, async (bytes) => bytes.includes(42));
  t.deepEqual([...found], [42]);
});

test('an input that does not end is noticed', (t) => {
  const shared = new SharedArrayBuffer(1 << 20);
  const onlooker = new Onlooker({ shared, folder: '', patience: 0 });
  const words = new Int32Array(shared, 0, 3);
  words.set([1, 3, 4]);
  new Uint8Array(shared, 12).set(Buffer.from('cmsg'));
  new Uint8Array(shared, 12 + 64).set([1, 2, 3]);
  t.is(onlooker.look(), undefined);
  t.deepEqual(onlooker.look(), { name: 'cmsg', input: Uint8Array.of(1, 2, 3) });
  words[0] = 2;
  t.is(onlooker.look(), undefined);
  words[1] = -1;
  t.is(onlooker.look(), undefined);
});

test('words that are wrong are named', (t) => {
  const refusal = (...words: string[]): string | undefined => t.throws(() => parseOptions(words, NAMES))?.message;
  t.regex(refusal('datapth') ?? '', /no target is called "datapth"; there are datapath, /);
  t.is(refusal('--frob'), 'what is "--frob"? --help tells');
  t.is(refusal('--seconds'), '--seconds needs a value');
  t.is(refusal('--seconds', '--seed'), '--seconds needs a value');
  t.is(refusal('--seed', 'x'), '--seed: "x" is not a number');
  t.is(refusal('--replay', 'file'), '--replay needs the one target that the file is for');
  t.deepEqual(parseOptions(['cmsg', 'cmsg', '--seconds', '0.5', '--seed', '3'], NAMES).targets, ['cmsg']);
  for (const [word] of HELP.matchAll(/--[a-z]+/g)) if (word !== '--help') t.true(HELP.split(word).length >= 2, word);
});

function fuzz(...words: string[]): { readonly status: number | null; readonly out: string; readonly err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...words], { encoding: 'utf8' });
  return { status, out: stdout, err: stderr };
}

test('a run tells what it did and nothing else where nobody looks on; help, list and replay', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vtep-fuzz-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const json = join(folder, 'figures.json');
  const run = fuzz('cmsg', '--runs', '200', '--seed', '9', '--json', json, '--findings', folder);
  t.is(run.status, 0);
  t.is(run.err, '');
  t.regex(run.out, /^seed 9\nheld {3}cmsg +\d+ inputs in \d+ s, \d+ blocks, \d+ reached new ones\n$/);
  const [figures] = JSON.parse(readFileSync(json, 'utf8')) as { inputs: number; blocks: number; findings: string[] }[];
  t.true((figures?.blocks ?? 0) > 10);
  t.deepEqual(figures?.findings, []);
  t.is(fuzz('--help').out, HELP);
  t.deepEqual(
    fuzz('--list')
      .out.trimEnd()
      .split('\n')
      .map((line) => line.split(' ')[0]),
    NAMES,
  );
  const input = join(folder, 'input');
  writeFileSync(input, Uint8Array.of(20, 0, 0, 0));
  t.deepEqual(fuzz('cmsg', '--replay', input), { status: 0, out: '14000000\nheld\n', err: '' });
  t.deepEqual(fuzz('--frob'), { status: 2, out: '', err: 'fuzz: what is "--frob"? --help tells\n' });
  t.is(fuzz('cmsg', '--replay', join(folder, 'nothing')).status, 2);
});
