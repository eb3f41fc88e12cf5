import type { OutputOptions } from './commands.js';
import { JsonWriter } from './json-writer.js';

/** Prints what comes first in an object. */
export type Opening = (printer: Printer) => void;

/**
 * Output as text or as JSON from one description: a field has a key for JSON and its whole text, blanks included, for
 * people. The same idea as iproute2's print_string family.
 */
export class Printer {
  readonly options: OutputOptions;
  readonly #json: JsonWriter | undefined;
  #text = '';

  constructor(options: OutputOptions) {
    this.options = options;
    this.#json = options.json ? new JsonWriter(options.pretty) : undefined;
  }

  /** Only people see it. */
  text(text: string): void {
    if (this.#json === undefined) {
      this.#text += text;
    }
  }

  field(key: string, value: string | number | boolean | null, text: string): void {
    this.text(text);
    this.#json?.field(key, value);
  }

  /** Only programs see it. */
  json(key: string, value: string | number | boolean): void {
    this.#json?.field(key, value);
  }

  /** One value of an array, for programs. */
  item(value: string | number): void {
    this.#json?.item(value);
  }

  beginObject(key?: string): void {
    this.#json?.beginObject(key);
  }

  endObject(): void {
    this.#json?.endObject();
  }

  beginArray(key?: string): void {
    this.#json?.beginArray(key);
  }

  endArray(): void {
    this.#json?.endArray();
  }

  /** Hands over what was printed so far. */
  take(): string {
    const text = this.#text + (this.#json?.take() ?? '');
    this.#text = '';
    return text;
  }
}
