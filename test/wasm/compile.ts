/** src/wire/assembly compiled: the text of src/wire/checksum-module.ts as it has to be. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { main } from 'assemblyscript/asc';

const root = fileURLToPath(new URL('../../../', import.meta.url));
export const MODULE_FILE = `${root}src/wire/checksum-module.ts`;
const FOLDER = `${root}src/wire/assembly/`;
/** What these export the module does; they may import other files of the folder. */
const ENTRIES = ['checksum.ts', 'trains.ts'];

/** Memory is the arena's (imported, shared, of any size); no runtime, no table, no data segment. */
const OPTIONS = [
  ...['--outFile', 'checksum.wasm', '--runtime', 'stub', '--importMemory', '--sharedMemory', '--initialMemory', '0'],
  ...['--maximumMemory', '65536', '--enable', 'simd,threads', '--noExportMemory', '--noAssert', '-O3', '--converge'],
];

/** Throws with the compiler's words where the source does not compile. */
export async function compileChecksums(): Promise<Uint8Array> {
  let binary: Uint8Array | undefined;
  const { error, stderr } = await main([...ENTRIES, ...OPTIONS], {
    readFile: (name) => (existsSync(FOLDER + name) ? readFileSync(FOLDER + name, 'utf8') : null),
    writeFile: (_, contents) => {
      if (typeof contents !== 'string') binary = contents;
    },
    listFiles: () => [],
  });
  if (error !== null || binary === undefined) throw new Error(`src/wire/assembly: ${stderr.toString()}`);
  return binary;
}

/** The generated file around the bytes. */
export function moduleText(binary: Uint8Array): string {
  const lines =
    Buffer.from(binary)
      .toString('base64')
      .match(/.{1,100}/g) ?? [];
  return [
    '/** Written by npm run wasm from assembly/, which says what it does: a WebAssembly module, in base64. */',
    'export const CHECKSUM_MODULE = [',
    ...lines.map((line) => `  '${line}',`),
    "].join('');",
    '',
  ].join('\n');
}
