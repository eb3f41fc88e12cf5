/** npm run wasm: writes src/wire/checksum-module.ts. */
import { writeFileSync } from 'node:fs';
import { compileChecksums, MODULE_FILE, moduleText } from './compile.js';

const binary = await compileChecksums();
writeFileSync(MODULE_FILE, moduleText(binary));
console.log(`${binary.length} bytes of WebAssembly`);
