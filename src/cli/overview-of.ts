import type { Connection } from '../control/client.js';
import type { Overview } from '../observe/overview.js';
import { askJson } from './ask-json.js';

/** All that the daemon at the other end counts. Throws CommandError with what it refuses. */
export function overviewOf(connection: Connection): Promise<Overview> {
  return askJson<Overview>(connection, ['overview']);
}
