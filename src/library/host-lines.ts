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
    const refusal = refusalOf(line.words, (name) => has(name) || made.has(name), made);
    if (!refusal) continue;
    throw new VtepError('refused', `${refusal.message}\nvtep: nothing was changed`, {
      exitCode: refusal.exitCode,
      line: line.words.join(' '),
      lineNumber: line.line,
    });
  }
}

function refusalOf(words: string[], has: (name: string) => boolean, made: Set<string>): CommandError | undefined {
  let command: ReturnType<typeof parseBatchLine>;
  try {
    command = parseBatchLine(words);
  } catch {
    return undefined; // It will be refused in its turn, in its own words.
  }
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
