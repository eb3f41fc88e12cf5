/** Words of a command as they are made of an object, and of which of its properties each is. */
import { VtepError } from '../errors.js';

/** Words, and for each of them the property that it was made of: `actions[1].set.dst_ip`; '' where none was. */
export class Words {
  readonly list: string[] = [];
  readonly properties: string[] = [];

  add(property: string, ...words: readonly string[]): this {
    for (const word of words) {
      this.list.push(word);
      this.properties.push(property);
    }
    return this;
  }

  /** `name VALUE`, where there is a value. */
  given(property: string, name: string, value: string | undefined): this {
    return value === undefined ? this : this.add(property, name, value);
  }
}

export function invalid(property: string, why: string): VtepError {
  return new VtepError('invalid', property === '' ? why : `${property}: ${why}`, { property });
}

/** How a value is shown to whoever gave it. */
function shown(value: unknown): string {
  if (typeof value === 'string') return `"${value}"`;
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

export function numberWord(value: unknown, property: string): string {
  return `${numberOf(value, property)}`;
}

/** A whole number from 0 on, of 53 bits at most; the parser knows which are too large. */
export function numberOf(value: unknown, property: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw invalid(property, `${shown(value)} is not a whole number from 0 on`);
}

export function textOf(value: unknown, property: string): string {
  if (typeof value === 'string' && value !== '' && !/[\s\0]/.test(value)) return value;
  throw invalid(property, `${shown(value)} is not a word`);
}

export function flagOf(value: unknown, property: string): boolean {
  if (typeof value === 'boolean') return value;
  throw invalid(property, `${shown(value)} is neither true nor false`);
}

/** A number, or a word that the tool reads. */
export function numberOrText(value: unknown, property: string): string {
  return typeof value === 'string' ? textOf(value, property) : numberWord(value, property);
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The properties of an object, each taken once; what is left at the end has no meaning, and is refused. */
export class Fields {
  readonly property: string;
  private readonly given: Readonly<Record<string, unknown>>;
  private readonly known = new Set<string>();

  /** `property`: where the object stands within another; '' for one that stands in none. */
  constructor(given: unknown, property = '') {
    if (!isObject(given)) throw invalid(property, `${shown(given)} is not an object`);
    this.given = given;
    this.property = property;
  }

  /** The name of one of its properties, from the outermost object on. */
  at(name: string): string {
    return this.property === '' ? name : `${this.property}.${name}`;
  }

  /** Another object, which stands at a property of this one. */
  within(given: unknown, property: string): Fields {
    return new Fields(given, property);
  }

  has(name: string): boolean {
    this.known.add(name);
    return this.given[name] !== undefined;
  }

  take(name: string): unknown {
    this.known.add(name);
    return this.given[name];
  }

  /** What `read` makes of a property; undefined where there is none. */
  maybe<T>(name: string, read: (value: unknown, property: string) => T): T | undefined {
    const value = this.take(name);
    return value === undefined ? undefined : read(value, this.at(name));
  }

  must<T>(name: string, read: (value: unknown, property: string) => T): T {
    const value = this.maybe(name, read);
    if (value === undefined) throw invalid(this.at(name), 'it is missing');
    return value;
  }

  /** Adds `word VALUE` for a property; the word is the property's name, where it is not given. */
  put(words: Words, name: string, read: (value: unknown, property: string) => string, word = name): void {
    words.given(this.at(name), word, this.maybe(name, read));
  }

  /** Adds the word of a flag that is true. */
  flag(words: Words, name: string, word = name): void {
    if (this.maybe(name, flagOf) === true) words.add(this.at(name), word);
  }

  /** The one of these names that is there. */
  oneOf<Name extends string>(names: readonly Name[]): Name {
    const there = names.filter((name) => this.has(name));
    const [first] = there;
    if (first !== undefined && there.length === 1) return first;
    const why =
      first === undefined ? `one of ${names.join(', ')} is missing` : `${there.join(' and ')} exclude each other`;
    throw invalid(there[1] === undefined ? this.property : this.at(there[1]), why);
  }

  /** Throws where a property has not been asked for. */
  end(): void {
    for (const [name, value] of Object.entries(this.given)) {
      if (value === undefined || this.known.has(name)) continue;
      throw invalid(this.at(name), `there is no such property here (${[...this.known].join(', ')})`);
    }
  }
}

export function listOf(value: unknown, property: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw invalid(property, `${shown(value)} is not an array`);
}

/** One of these words. */
export function wordIn<Name extends string>(names: readonly Name[]): (value: unknown, property: string) => Name {
  return (value, property) => {
    const found = names.find((name) => name === value);
    if (found === undefined) throw invalid(property, `${shown(value)} is none of ${names.join(', ')}`);
    return found;
  };
}

/** True, and nothing else. */
export function onlyTrue(value: unknown, property: string): true {
  if (value === true) return true;
  throw invalid(property, `${shown(value)} is not true`);
}
