import { BatchText } from '../control/batch-text.js';
import type { Reply } from '../control/protocol.js';
import type { BatchLine } from '../iproute/batch.js';
import { VtepError } from './errors.js';

/** What a request has been answered. */
export class Heard {
  out = '';
  err = '';
  failed: number | undefined;

  readonly say = (reply: Reply): undefined => {
    if ('out' in reply) this.out += reply.out;
    else if ('err' in reply) this.err += reply.err;
    else if ('failed' in reply) this.failed = reply.failed;
  };
}

/** Lines of a text, or a line each; throws VtepError where quotes or the like are not closed. */
export function linesOf(lines: string | readonly string[]): BatchLine[] {
  if (typeof lines !== 'string' && !(Array.isArray(lines) && lines.every((line) => typeof line === 'string')))
    throw new VtepError('invalid', 'lines are one string, or an array of strings');
  const text = new BatchText();
  const split = [...text.push(`${typeof lines === 'string' ? lines : lines.join('\n')}\n`), ...text.end()];
  if (text.failure) throw new VtepError('refused', text.failure.message, { exitCode: 1 });
  return split;
}
