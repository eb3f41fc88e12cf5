/** The actions of an endpoint that are functions of its program, by their names. */
import { addCustomAction, removeCustomAction } from '../iproute/custom-actions.js';
import type { ActionFunction, ActionTable } from './action-table.js';
import { VtepError } from './errors.js';

/** Takes the name of a custom action away again. */
export interface CustomAction {
  readonly name: string;
  /** Filters that have the action drop what meets it from now on (`action-failed`). Safe to call twice. */
  close(): void;
}

export class ProgramActions {
  private readonly table: ActionTable;
  private readonly begin: () => void;
  private readonly added = new Map<string, { readonly number: number }>();

  /** `begin`: has the datapath call the table, once there is an action. */
  constructor(table: ActionTable, begin: () => void) {
    this.table = table;
    this.begin = begin;
  }

  has(name: string): boolean {
    return this.added.has(name);
  }

  /** Throws VtepError where the name is taken, or cannot be one. */
  add(name: string, run: ActionFunction): CustomAction {
    if (this.added.has(name)) throw new VtepError('invalid', `there is an action "${name}" already`);
    let number: number;
    try {
      number = addCustomAction(name);
    } catch (error) {
      throw new VtepError('invalid', error instanceof Error ? error.message : String(error));
    }
    const one = { number };
    this.added.set(name, one);
    this.table.set(number, name, run);
    this.begin();
    return { name, close: () => this.end(name, one) };
  }

  close(): void {
    for (const [name, one] of [...this.added]) this.end(name, one);
  }

  /** `one`: for what was closed may have been added anew. */
  private end(name: string, one: { readonly number: number }): void {
    if (this.added.get(name) !== one) return;
    this.added.delete(name);
    this.table.delete(one.number);
    removeCustomAction(name);
  }
}
