/** `vtep doctor`: what this host, its kernel, the underlay and the vtep that runs say of themselves, with advice. */
import { CommandError } from '../../iproute/commands.js';
import { runChecks } from './checks.js';
import { EXIT_CODES, verdictOf } from './finding.js';
import { gather } from './gather.js';
import { printFindings, printJson } from './print.js';

export interface DoctorOptions {
  readonly json?: boolean;
  readonly control?: string;
  readonly tun: string;
}

/** The device of `vtep doctor dev NAME`; undefined where none is named. Throws CommandError. */
function deviceOf(words: readonly string[]): string | undefined {
  const [dev, name, ...more] = words;
  if (dev === undefined) return undefined;
  const wrong = dev !== 'dev' ? dev : more[0];
  if (wrong !== undefined) throw new CommandError(`vtep: what is "${wrong}"? (vtep doctor [dev NAME])`, 2);
  if (name === undefined) throw new CommandError('vtep: "dev" wants the name of a device', 2);
  return name;
}

export async function doctor(words: readonly string[], { json = false, control, tun }: DoctorOptions): Promise<void> {
  const dev = deviceOf(words);
  const facts = await gather({ tun, ...(dev !== undefined && { dev }), ...(control !== undefined && { control }) });
  const findings = runChecks(facts);
  const text = json ? printJson(findings) : printFindings(findings, process.stdout.columns);
  // A daemon that did not answer may still have its connection open.
  process.stdout.write(text, (error) => {
    // What could not be written is told elsewhere.
    if (!error) process.exit(EXIT_CODES[verdictOf(findings)]);
  });
}
