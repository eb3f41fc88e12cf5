/** What edits give back: names by which what they have made is read and changed later. */

import { VtepError } from '../errors.js';
import type { Device, Filter, FilterAction, Link } from '../types.js';
import type { FilterRule, Hook, LinkChange } from './edit-types.js';

/** What a filter has counted. */
export interface FilterStatistics {
  /** Frames that met its first action, which are those that it has matched; 0 of a filter without actions. */
  readonly packets: number;
  readonly bytes: number;
  /** Frames that its actions have dropped. */
  readonly drops: number;
  readonly actions: readonly FilterAction[];
}

/** What handles ask of their endpoint. */
export interface HandleOwner {
  readFilter(filter: FilterHandle): Promise<Filter>;
  replaceFilter(filter: FilterHandle, rule: FilterRule): Promise<void>;
  deleteFilter(filter: FilterHandle): Promise<void>;
  readLink(name: string): Promise<Link>;
  setLink(name: string, change: LinkChange): Promise<void>;
  deleteLink(name: string): Promise<void>;
}

/** Where a filter came to stand. */
export interface Placed {
  readonly pref: number;
  readonly chain: number;
  readonly handle: number;
  readonly protocol: string | number;
}

/** A filter that an edit has made. Its numbers are there when the edit is in force. */
export class FilterHandle {
  readonly dev: string;
  readonly hook: Hook;
  private readonly owner: HandleOwner;
  private place: Placed | undefined;

  /** @internal */
  constructor(owner: HandleOwner, dev: string, hook: Hook) {
    this.owner = owner;
    this.dev = dev;
    this.hook = hook;
  }

  /** @internal */
  settle(place: Placed): void {
    this.place = place;
  }

  get pref(): number {
    return this.placed.pref;
  }

  get chain(): number {
    return this.placed.chain;
  }

  get handle(): number {
    return this.placed.handle;
  }

  /** As tc names it, or its number. */
  get protocol(): string | number {
    return this.placed.protocol;
  }

  /** The filter as it is now, with what its actions have counted. Rejects with VtepError 'refused' where it has gone. */
  read(): Promise<Filter> {
    return this.owner.readFilter(this);
  }

  async stats(): Promise<FilterStatistics> {
    const { actions } = await this.read();
    const [first] = actions;
    return {
      packets: first?.stats?.packets ?? 0,
      bytes: first?.stats?.bytes ?? 0,
      drops: actions.reduce((sum, { stats }) => sum + (stats?.drops ?? 0), 0),
      actions,
    };
  }

  /** Puts another rule in its place, with the next batch of frames. Its protocol stays, where none is said. */
  replace(rule: FilterRule): Promise<void> {
    return this.owner.replaceFilter(this, rule);
  }

  delete(): Promise<void> {
    return this.owner.deleteFilter(this);
  }

  private get placed(): Placed {
    if (this.place) return this.place;
    throw new VtepError('invalid', 'the filter has no number before its edit is in force');
  }
}

/** A device that an edit has made. */
export class LinkHandle {
  readonly name: string;
  private readonly owner: HandleOwner;
  private opened: Device | undefined;

  /** @internal */
  constructor(owner: HandleOwner, name: string) {
    this.owner = owner;
    this.name = name;
  }

  /** @internal */
  settle(device: Device): void {
    this.opened = device;
  }

  /** The device by which frames are sent, of a tap that was made with `transmit`. */
  get device(): Device {
    if (this.opened) return this.opened;
    throw new VtepError('no-device', `"${this.name}" was made without "transmit": open it by endpoint.device()`);
  }

  /** The device as it is now, with its counters. */
  read(): Promise<Link> {
    return this.owner.readLink(this.name);
  }

  set(change: LinkChange): Promise<void> {
    return this.owner.setLink(this.name, change);
  }

  /** Removes the device, and its filters with it. */
  delete(): Promise<void> {
    return this.owner.deleteLink(this.name);
  }
}
