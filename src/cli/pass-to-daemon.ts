import { type Output, request } from '../control/client.js';

/** Where a command's output goes. */
export const printed: Output = {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
};

/** Hands a command to the daemon that listens at `control`, prints what it prints, and exits as it says. */
export async function passToDaemon(argv: readonly string[], control: string | undefined): Promise<void> {
  process.exitCode = await request(argv, printed, control);
}
