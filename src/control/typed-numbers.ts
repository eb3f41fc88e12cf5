import type { Command } from '../iproute/commands.js';

/**
 * The handles and indices that the lines of a file name. What they leave open may be any number: a filter that is there
 * keeps the one it has.
 */
export class TypedNumbers {
  private readonly prefs = new Set<string>();
  /** Indices, by kind. */
  private readonly actions = new Map<string, Set<number>>();

  note(command: Command): void {
    switch (command.kind) {
      case 'filter-add': {
        const { dev, chain, pref, handle, actions } = command.filter;
        if (handle !== 0 || command.mode === 'change') this.prefs.add(`${dev} ${chain} ${pref}`);
        for (const action of actions) {
          if (action.index) this.noteAction(action.kind === 'reference' ? action.of : action.kind, action.index);
        }
        break;
      }
      case 'filter-del': {
        const { dev, chain = 0, pref, handle } = command.selector;
        if (pref && handle) this.prefs.add(`${dev} ${chain} ${pref}`);
        break;
      }
      case 'actions-add':
        for (const { kind, index } of command.actions) if (index && kind !== 'reference') this.noteAction(kind, index);
        break;
      case 'actions-del':
        for (const { action, index } of command.selectors) this.noteAction(action, index);
        break;
    }
  }

  noteAction(kind: string, index: number): void {
    const indices = this.actions.get(kind);
    if (indices) indices.add(index);
    else this.actions.set(kind, new Set([index]));
  }

  /** Whether an action of this index is meant by its number. */
  hasAction(kind: string, index: number): boolean {
    return this.actions.get(kind)?.has(index) === true;
  }

  /** Whether the filters of a pref are meant by their handles; those of prefs that nobody typed too, where any is. */
  hasHandles(dev: string, chain: number, pref: number): boolean {
    return this.prefs.has(`${dev} ${chain} ${pref}`) || this.prefs.has(`${dev} ${chain} 0`);
  }
}
