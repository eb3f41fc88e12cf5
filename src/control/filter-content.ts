/** What filters and actions are, as text to compare them by: numbers that the daemon chose are left out. */
import type { ActionInstance } from './action-table.js';
import type { Filter } from './filter.js';

/** What a filter does; `mark` says what the indices of its actions mean. */
export function doingOf({ actions }: Filter, mark: (action: ActionInstance) => string): string {
  return actions.map((action) => `${actionText(action)}${mark(action)}`).join(' ');
}

/** What an action does, its cookie included. */
export function actionText({ spec, target }: Pick<ActionInstance, 'target'> & { spec: object }): string {
  return text({ ...spec, index: 0, ...('dev' in spec && { dev: target }) });
}

function text(value: unknown): string {
  if (value instanceof Uint8Array) return hex(value);
  if (typeof value !== 'object' || value === null) return `${value}`;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, each]) => `${name}:${text(each)}`).join()}}`;
}

function hex(bytes: Uint8Array | undefined): string {
  return bytes ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex') : '';
}
