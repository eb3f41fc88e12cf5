/** Reads a file of YAML or JSON by what it is to hold, and says where it holds something else. */
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { CommandError } from '../../iproute/commands.js';
import { nearestWord } from '../../iproute/suggest.js';

/** Exit code for a file that is wrong. */
export const WRONG_FILE = 2;

/** A node of the file, with where it stands. */
export class Place {
  private readonly node: Node | null;
  private readonly reader: NodeReader;
  private readonly start: number;

  constructor(reader: NodeReader, node: Node | null, start: number) {
    this.reader = reader;
    this.node = node;
    this.start = node?.range?.[0] ?? start;
  }

  /** A refusal that names the place. */
  refuse(sentence: string): CommandError {
    return this.reader.refuse(this.start, sentence);
  }

  /** Line, from 1 on. */
  get line(): number {
    return this.reader.lines.linePos(this.start).line;
  }

  /** The members of a map, by name; those that are not among `known` are refused, and so is the lack of one of `needed`. */
  members(known: readonly string[] | undefined, needed: readonly string[] = []): Map<string, Place> {
    const { node } = this;
    if (!isMap(node)) throw this.refuse(`a map is wanted here, of ${known?.join(', ') ?? 'names and values'}`);
    const members = new Map<string, Place>();
    for (const { key, value } of node.items) {
      const at = (key as Node).range?.[0] ?? this.start;
      const name = isScalar(key) ? String(key.value) : '';
      if (known && !known.includes(name))
        throw this.reader.refuse(at, `"${name}" is not understood${meant(name, known)}; known are ${known.join(', ')}`);
      members.set(name, new Place(this.reader, value as Node | null, at));
    }
    for (const name of needed) if (!members.has(name)) throw this.refuse(`"${name}" is missing`);
    return members;
  }

  /** The items of a list. */
  items(): Place[] {
    const { node } = this;
    if (!isSeq(node)) throw this.refuse('a list is wanted here');
    return node.items.map((item) => new Place(this.reader, item as Node | null, this.start));
  }

  /** Whether it is text behind `|`, whose lines are the file's, from the next one on. */
  get isLiteral(): boolean {
    return isScalar(this.node) && this.node.type === 'BLOCK_LITERAL';
  }

  get isList(): boolean {
    return isSeq(this.node);
  }

  /** A word or words, a number as it was written. */
  text(): string {
    const { node } = this;
    const isText = isScalar(node) && ['string', 'number'].includes(typeof node.value);
    if (!isText) throw this.refuse('text is wanted here');
    // As it was written: a MAC or a hexadecimal number is not to be read as another one.
    return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
  }

  /** Text, a number or null. */
  textOrNull(): string | null {
    return isScalar(this.node) && this.node.value === null ? null : this.text();
  }

  /** A whole number, from `least` on. */
  number(least: number): number {
    const value = isScalar(this.node) ? this.node.value : undefined;
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least)
      throw this.refuse(`a whole number from ${least} on is wanted here`);
    return value;
  }

  flag(): boolean {
    const value = isScalar(this.node) ? this.node.value : undefined;
    if (typeof value !== 'boolean') throw this.refuse('true or false is wanted here');
    return value;
  }
}

export class NodeReader {
  readonly lines = new LineCounter();
  readonly root: Place;
  private readonly file: string;

  /** Throws CommandError where the text is neither YAML nor JSON. */
  constructor(text: string, file: string) {
    this.file = file;
    const document = parseDocument(text, { lineCounter: this.lines, prettyErrors: false });
    const [error] = document.errors;
    if (error?.code === 'MULTIPLE_DOCS')
      throw this.refuse(error.pos[0], 'a second document begins here: a file is one');
    if (error) throw this.refuse(error.pos[0], `${error.message.replace(/\.$/, '')}${near(text, error.pos[0])}`);
    this.root = new Place(this, document.contents, 0);
  }

  refuse(at: number, sentence: string): CommandError {
    const { line, col } = this.lines.linePos(at);
    return new CommandError(`${this.file}:${line}:${col}: ${sentence.replaceAll('\n', ' ')}`, WRONG_FILE);
  }
}

/** The known word that was meant, perhaps. */
export function meant(word: string, known: readonly string[]): string {
  const nearest = nearestWord(word, known);
  return nearest === undefined ? '' : ` (did you mean "${nearest}"?)`;
}

/** The word at a place. */
function near(text: string, at: number): string {
  const word = /^\s*([^\s]+)/.exec(text.slice(at))?.[1];
  return word === undefined ? '' : ` (at "${word.slice(0, 40)}")`;
}
