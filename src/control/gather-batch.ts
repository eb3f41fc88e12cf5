import type { Batch, Say } from './protocol.js';

/** What runs a batch: says what to print through `say`, resolves with the exit code. Never rejects. */
export type BatchHandler = (batch: Batch, say: Say) => Promise<number>;

/** What one batch may have, in however many requests. */
export interface BatchBounds {
  readonly lines: number;
  /** Of all words. */
  readonly characters: number;
}

const BOUNDS: BatchBounds = { lines: 2_000_000, characters: 2 ** 28 };

/** Gathers a batch that comes in several requests, and hands it on with the last of them; what is too much is forgotten. */
export function gathering(handler: BatchHandler, bounds = BOUNDS): BatchHandler {
  let held: (readonly string[])[] = [];
  let characters = 0;
  const forget = (): void => {
    held = [];
    characters = 0;
  };
  return async (batch, say) => {
    for (const words of batch.lines) for (const word of words) characters += word.length;
    const excess =
      held.length + batch.lines.length > bounds.lines
        ? `${bounds.lines} lines`
        : characters > bounds.characters
          ? `${bounds.characters} characters`
          : undefined;
    if (excess !== undefined) {
      forget();
      say({ err: `vtep: a batch has more than ${excess}\n` });
      return 1;
    }
    if (batch.more) {
      for (const line of batch.lines) held.push(line);
      return 0;
    }
    const lines = held.length === 0 ? batch.lines : [...held, ...batch.lines];
    forget();
    return handler({ ...batch, lines }, say);
  };
}
