import { readFileSync } from 'node:fs';
import test from 'ava';
import { compileChecksums, MODULE_FILE, moduleText } from './compile.js';

test('the committed WebAssembly module is what its source compiles to (npm run wasm writes it)', async (t) => {
  t.is(readFileSync(MODULE_FILE, 'utf8'), moduleText(await compileChecksums()));
});
