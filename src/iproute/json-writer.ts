/**
 * JSON in the very layout of iproute2's json_writer: no blanks at all, or with `pretty` four spaces a level, `[ {`
 * and `},{` on one line.
 */
export class JsonWriter {
  readonly #pretty: boolean;
  #out = '';
  #depth = 0;
  /** What stands before the next item: nothing after an opening or a name, else a comma. */
  #separator = '';

  constructor(pretty: boolean) {
    this.#pretty = pretty;
  }

  beginObject(name?: string): void {
    this.#begin(name, '{');
  }

  endObject(): void {
    this.#end('}');
  }

  beginArray(name?: string): void {
    this.#begin(name, '[');
    this.#out += this.#pretty ? ' ' : '';
  }

  endArray(): void {
    this.#out += this.#pretty && this.#separator !== '' ? ' ' : '';
    this.#separator = '';
    this.#end(']');
  }

  field(name: string, value: string | number | boolean | null): void {
    this.#name(name);
    this.#out += JSON.stringify(value);
    this.#separator = ',';
  }

  /** A value of an array, which stands on the line of its bracket. */
  item(value: string | number): void {
    this.#out += this.#separator + JSON.stringify(value);
    this.#separator = ',';
  }

  /** Hands over what was written so far. */
  take(): string {
    const text = this.#out;
    this.#out = '';
    return text;
  }

  #endLine(): void {
    this.#out += this.#pretty ? `\n${'    '.repeat(this.#depth)}` : '';
  }

  #name(name: string): void {
    this.#out += this.#separator;
    this.#endLine();
    this.#out += `${JSON.stringify(name)}:${this.#pretty ? ' ' : ''}`;
    this.#separator = '';
  }

  #begin(name: string | undefined, bracket: string): void {
    if (name !== undefined) {
      this.#name(name);
    }
    this.#out += this.#separator + bracket;
    this.#separator = '';
    this.#depth++;
  }

  #end(bracket: string): void {
    this.#depth--;
    if (this.#separator !== '') {
      this.#endLine();
    }
    this.#out += bracket;
    this.#separator = ',';
  }
}
