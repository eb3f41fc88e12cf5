import { CommandError } from './commands.js';
import { incomplete } from './errors.js';

/** Whether `word` is `keyword` or the beginning of it (iproute2's matches(); nothing is no beginning). */
export function abbreviates(word: string, keyword: string): boolean {
  return word !== '' && keyword.startsWith(word);
}

/** The first of `keywords`, in their order of precedence, that `word` abbreviates. */
export function findKeyword<K extends string>(word: string, keywords: readonly K[]): K | undefined {
  return keywords.find((keyword) => abbreviates(word, keyword));
}

/** A position in the words of one command. */
export class WordReader {
  readonly words: readonly string[];
  #at: number;
  /** Where it has been before it went back. */
  #before = 0;
  /** Where that begins which is refused only when all has been read. */
  fault: number | undefined;

  constructor(words: readonly string[], at = 0) {
    this.words = words;
    this.#at = at;
  }

  /** The word at the position; '' at the end, which no keyword abbreviates. */
  get word(): string {
    return this.words[this.#at] ?? '';
  }

  get position(): number {
    return this.#at;
  }

  /** How many words are left, this one included (argc). */
  get left(): number {
    return this.words.length - this.#at;
  }

  get more(): boolean {
    return this.left > 0;
  }

  /** The last word that was looked at, also where the position has gone back since. */
  get furthest(): number {
    return Math.max(this.#before, this.#at);
  }

  /** Back to an earlier position. */
  rewind(position: number): void {
    this.#before = this.furthest;
    this.#at = position;
  }

  skip(): void {
    this.#at++;
  }

  /** Moves on to a word that must be there (NEXT_ARG). */
  advance(): string {
    this.#at++;
    if (!this.more) {
      throw incomplete();
    }
    return this.word;
  }

  is(word: string): boolean {
    return this.more && this.word === word;
  }

  abbreviates(keyword: string): boolean {
    return abbreviates(this.word, keyword);
  }

  /** The argument of the word at the position: moves to it, reads it with `parse`, or fails with `refuse(it)`. */
  argument<T>(parse: (word: string) => T | undefined, refuse: (word: string) => CommandError): T {
    const word = this.advance();
    const value = parse(word);
    if (value === undefined) {
      throw refuse(word);
    }
    return value;
  }
}

/** A refusal whose whole text is given: `Illegal "dst_mac"` and its like, by default with a parse error's code. */
export function refusal(text: string, exitCode = 1): CommandError {
  return new CommandError(text, exitCode);
}
