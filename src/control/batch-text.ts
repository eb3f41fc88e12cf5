import { type BatchLine, splitBatch } from '../iproute/batch.js';
import { CommandError } from '../iproute/commands.js';

/**
 * The commands of a batch whose text comes in pieces, cut anywhere: a piece gives the commands that end in it. Memory
 * is that of a piece and of one command.
 */
export class BatchText {
  private pending = '';
  private isBegun = false;
  private linesBefore = 0;
  private refusal: CommandError | undefined;

  /**
   * What ended the text before its end: a quote without its end, a last line that would be continued. The commands
   * before it have been given; none come after it.
   */
  get failure(): CommandError | undefined {
    return this.refusal;
  }

  push(piece: string): BatchLine[] {
    // Editors of other systems begin a file with a mark of its encoding, which is no word.
    this.pending += this.isBegun ? piece : piece.replace(/^\uFEFF/, '');
    this.isBegun ||= piece !== '';
    const cut = lastEnd(this.pending);
    if (cut < 0) return [];
    const block = this.pending.slice(0, cut + 1);
    this.pending = this.pending.slice(cut + 1);
    return this.split(block);
  }

  /** What is left at the end of the text. */
  end(): BatchLine[] {
    const block = this.pending;
    this.pending = '';
    return this.split(block);
  }

  private split(block: string): BatchLine[] {
    if (this.refusal) return [];
    try {
      return this.numbered(block);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      return this.splitUntilFailure(block);
    }
  }

  private splitUntilFailure(block: string): BatchLine[] {
    const found: BatchLine[] = [];
    let from = 0;
    while (from < block.length) {
      const end = firstEnd(block, from);
      const command = block.slice(from, end);
      from = end;
      try {
        found.push(...this.numbered(command));
      } catch (error) {
        if (!(error instanceof CommandError)) throw error;
        const message = error.message.replace(/\d+$/, (line) => `${Number(line) + this.linesBefore}`);
        this.refusal = new CommandError(message, error.exitCode);
        return found;
      }
    }
    return found;
  }

  private numbered(block: string): BatchLine[] {
    const before = this.linesBefore;
    const found = unusual.test(block) ? splitBatch(block) : splitPlain(block);
    this.linesBefore += countOf(block, '\n');
    return before === 0 ? found : found.map(({ line, words }) => ({ line: line + before, words }));
  }
}

/** What makes of a text more than lines of words between blanks. */
const unusual = /["'#\\\t\r]/;

/** As splitBatch, for a text without anything unusual: several times as fast. */
function splitPlain(text: string): BatchLine[] {
  const found: BatchLine[] = [];
  for (const [i, line] of text.split('\n').entries()) {
    const words = line.split(' ');
    const whole = words.includes('') ? words.filter((word) => word !== '') : words;
    if (whole.length > 0) found.push({ line: i + 1, words: whole });
  }
  return found;
}

/** Index of the last newline that no backslash continues, or -1. */
function lastEnd(text: string): number {
  let at = text.lastIndexOf('\n');
  while (at > 0 && text[at - 1] === '\\') at = text.lastIndexOf('\n', at - 1);
  return at;
}

/** Behind the first newline from `from` on that no backslash continues, or the end. */
function firstEnd(text: string, from: number): number {
  let at = text.indexOf('\n', from);
  while (at > 0 && text[at - 1] === '\\') at = text.indexOf('\n', at + 1);
  return at < 0 ? text.length : at + 1;
}

function countOf(text: string, character: string): number {
  let count = 0;
  for (let at = text.indexOf(character); at >= 0; at = text.indexOf(character, at + 1)) count++;
  return count;
}
