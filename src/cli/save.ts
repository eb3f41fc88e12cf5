import { request } from '../control/client.js';
import { replaceFile } from '../control/replace-file.js';
import { passToDaemon } from './pass-to-daemon.js';

/** `vtep save`: to standard output, or to a file, which is the old one or the whole new one at any time. */
export async function save(file: string | undefined, isState: boolean, control: string | undefined): Promise<void> {
  const words = ['save', ...(isState ? ['--state'] : [])];
  if (file === undefined) {
    await passToDaemon(words, control);
    return;
  }
  const pieces: string[] = [];
  const output = {
    out: (text: string) => pieces.push(text),
    err: (text: string) => process.stderr.write(text),
  };
  const code = await request(words, output, control);
  process.exitCode = code;
  if (code === 0) replaceFile(file, pieces, isState ? 0o600 : 0o666);
}
