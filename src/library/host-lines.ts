import { noSuchDevice } from '../control/refusal.js';
import type { BatchLine } from '../iproute/batch.js';
import { parseBatchLine } from '../iproute/batch.js';
import { CommandError } from '../iproute/commands.js';
import { VtepError } from './errors.js';

/**
 * Refuses lines about a host before any of a batch is carried out, for an endpoint that has none: such lines come last,
 * where nothing is taken back any more. `has`: the devices that there are.
 */
export function refuseHostLines(lines: readonly BatchLine[], has: (name: string) => boolean): void {
  const made = new Set<string>();
  for (const line of lines) {
    const command = commandOf(line.words);
    // What cannot be read is refused in its turn, in its own words, before any line behind it.
    if (!command) return;
    const refusal = refusalOf(command, line.words, (name) => has(name) || made.has(name), made);
    if (!refusal) continue;
    throw new VtepError('refused', `${refusal.message}\nvtep: nothing was changed`, {
      exitCode: refusal.exitCode,
      line: line.words.join(' '),
      lineNumber: line.line,
    });
  }
}

function commandOf(words: string[]): ReturnType<typeof parseBatchLine> | undefined {
  try {
    return parseBatchLine(words);
  } catch {
    return undefined;
  }
}

function refusalOf(
  command: ReturnType<typeof parseBatchLine>,
  words: readonly string[],
  has: (name: string) => boolean,
  made: Set<string>,
): CommandError | undefined {
  switch (command.kind) {
    case 'link-add-tap':
    case 'link-add-vxlan':
      made.add(command.link.name);
      return undefined;
    case 'link-set':
    case 'link-set-vxlan':
    case 'link-del':
      return has(command.name) ? undefined : noSuchDevice(command.name);
    case 'qdisc-add':
    case 'qdisc-del':
      return has(command.dev) ? undefined : noSuchDevice(command.dev);
    case 'host':
      return new CommandError(`vtep: "${words.join(' ')}" is about the host, and this endpoint has none`, 2);
    default:
      return undefined;
  }
}
