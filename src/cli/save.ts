import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { request } from '../control/client.js';
import { CommandError } from '../iproute/commands.js';
import { passToDaemon } from './pass.js';

/** `vtep save`: to standard output, or to a file, which is the old one or the whole new one at any time. */
export async function save(file: string | undefined, control: string | undefined): Promise<void> {
  if (file === undefined) {
    await passToDaemon(['save'], control);
    return;
  }
  const pieces: string[] = [];
  const output = {
    out: (text: string) => pieces.push(text),
    err: (text: string) => process.stderr.write(text),
  };
  const code = await request(['save'], output, control);
  process.exitCode = code;
  if (code === 0) replaceFile(file, pieces.join(''));
}

function replaceFile(file: string, text: string): void {
  const next = `${file}.${process.pid}.new`;
  try {
    writeFileSync(next, text);
    renameSync(next, file);
  } catch (error) {
    rmSync(next, { force: true });
    throw new CommandError(`vtep: ${error instanceof Error ? error.message : String(error)}`, 1);
  }
}
