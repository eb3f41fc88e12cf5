import { ACTION_IN_PAGE, ACTION_PAGE_BITS, ACTIONS_OF_PAGE, type ActionPrograms } from '../actions/program.js';
import { SharedWords } from './shared-words.js';

/**
 * Where the words of every action stand, in pages (ActionPrograms): a change of an action that workers may run is
 * written into a copy of its page, one for all changes that are published together.
 */
export class ActionPlaces {
  private readonly places = new SharedWords();
  private readonly pages = new SharedWords(16);
  private pageCount = 0;
  /** Whether workers may have the present `pages`. */
  private isOut = false;
  /** Pages that no worker has yet. */
  private readonly fresh = new Set<number>();
  /** Places of pages that have been copied, and workers read until the next publication is in force. */
  private stale: number[] = [];

  /** What workers have of it stays as it is. */
  publish(): Pick<ActionPrograms, 'actionPages' | 'actionAt'> {
    this.isOut = true;
    this.fresh.clear();
    return { actionPages: this.pages.words, actionAt: this.places.words };
  }

  /** Gives what gives back the pages that were copied: to be called when what `publish` gave last is in force. */
  retire(): () => void {
    const { stale } = this;
    this.stale = [];
    return () => {
      for (const page of stale) this.places.release(page, ACTIONS_OF_PAGE);
    };
  }

  /** Writes the place of an action under an id that no worker has a use for yet. */
  add(id: number, place: number): void {
    const page = id >>> ACTION_PAGE_BITS;
    while (this.pageCount <= page) {
      this.pages.ensure(this.pageCount + 1);
      this.pages.words[this.pageCount++] = this.places.alloc(ACTIONS_OF_PAGE);
    }
    this.write(page, id, place);
  }

  /** Writes another place; in force with what `publish` gives next. */
  change(id: number, place: number): void {
    const page = id >>> ACTION_PAGE_BITS;
    if (!this.fresh.has(page)) this.copy(page);
    this.write(page, id, place);
  }

  private copy(page: number): void {
    if (this.isOut) this.pages.detach();
    this.isOut = false;
    const from = this.pages.words[page] ?? 0;
    const to = this.places.alloc(ACTIONS_OF_PAGE);
    this.places.words.copyWithin(to, from, from + ACTIONS_OF_PAGE);
    this.pages.words[page] = to;
    this.fresh.add(page);
    this.stale.push(from);
  }

  private write(page: number, id: number, place: number): void {
    this.places.words[(this.pages.words[page] ?? 0) + (id & ACTION_IN_PAGE)] = place;
  }
}
