import { request } from '../control/client.js';

/** Hands a command to the daemon, prints what it prints, and exits as it says. */
export async function passToDaemon(argv: readonly string[]): Promise<void> {
  process.exitCode = await request(argv, {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
  });
}
