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

/** What all clients together have said that is not carried out yet, in characters. */
export interface Hoard {
  held: number;
  readonly most: number;
}

export interface Gathering {
  /** Takes one request. */
  readonly handle: BatchHandler;
  /** The client is gone: its batch goes with it. */
  forget(): void;
}

/** Gathers a batch that comes in several requests, and hands it on with the last of them; what is too much is forgotten. */
export function gathering(
  handler: BatchHandler,
  bounds = BOUNDS,
  hoard: Hoard = { held: 0, most: Number.POSITIVE_INFINITY },
): Gathering {
  let held: (readonly string[])[] = [];
  let characters = 0;
  const forget = (): void => {
    held = [];
    hoard.held -= characters;
    characters = 0;
  };
  const handle: BatchHandler = async (batch, say) => {
    const before = characters;
    for (const words of batch.lines) for (const word of words) characters += word.length;
    hoard.held += characters - before;
    const excess =
      held.length + batch.lines.length > bounds.lines
        ? `${bounds.lines} lines`
        : characters > bounds.characters
          ? `${bounds.characters} characters`
          : undefined;
    if (hoard.held > hoard.most) {
      forget();
      say({ err: 'vtep: batches of all clients together are longer than may be: try again later\n' });
      return 1;
    }
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
  return { handle, forget };
}
