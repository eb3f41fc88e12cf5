import type { ActionPrograms } from '../actions/program.js';
import type { ActionDetail, TunnelKeySet } from '../iproute/commands.js';
import {
  TUNNEL_CSUM,
  TUNNEL_DONT_FRAGMENT,
  TUNNEL_KEY,
  TUNNEL_TOS,
  TUNNEL_TTL,
  TUNNEL_VXLAN_OPT,
  TUNNEL_WORDS,
  TunnelWord,
} from '../memory/tunnel.js';
import { ActionPlaces } from './action-places.js';
import { actionLength, writeActionWords } from './action-words.js';
import { FreeNumbers } from './free-numbers.js';
import { isShared } from './shared-content.js';
import { SharedWords } from './shared-words.js';

/** The place of an action's words, to be given back when no worker runs them any more. */
export interface ActionBlock {
  readonly at: number;
  readonly length: number;
  /** The tunnel record that it owns, or -1. */
  readonly tunnel: number;
  /** The token bucket that it owns, or -1. */
  readonly bucket: number;
  /** What they say, where others that say the same have them too. */
  content: ActionDetail | undefined;
  /** How many actions run these words, and what they send to. */
  actions: number;
  readonly target: number;
}

/** What is to be written of an action. */
export interface ActionToRun {
  readonly content: ActionDetail;
  /** Its id: the row of its counters. */
  readonly row: number;
  /** Device index that mirred sends to. */
  readonly target: number;
}

/** Writes the action programs that the workers run. */
export class ProgramWriter {
  private readonly start = new SharedWords();
  private readonly places = new ActionPlaces();
  private readonly words = new SharedWords();
  private readonly tunnels = new SharedWords();
  private readonly buckets = new FreeNumbers(0);
  /** The words of what many actions say, by that object. */
  private readonly shared = new Map<ActionDetail, ActionBlock>();
  private bucketCount = 0;
  private generation = 0;

  /** What a snapshot hands to the workers. What they have of it stays as it is. */
  publish(): ActionPrograms {
    return {
      start: this.start.words,
      ...this.places.publish(),
      words: this.words.words,
      tunnels: this.tunnels.words,
      buckets: this.bucketCount,
    };
  }

  /** Writes the program of rule `rule`: the actions of these ids. */
  write(rule: number, actions: readonly { readonly row: number }[]): void {
    const length = 1 + actions.length;
    const at = this.words.alloc(length);
    const words = this.words.words;
    words[at] = actions.length;
    for (let n = 0; n < actions.length; n++) words[at + 1 + n] = actions[n]?.row ?? 0;
    this.start.ensure(rule + 1);
    this.start.words[rule] = at;
  }

  /** Gives the place of a rule's program back. Only once no worker runs it any more. */
  release(rule: number): void {
    const at = this.start.words[rule] ?? 0;
    this.words.release(at, 1 + (this.words.words[at] ?? 0));
  }

  /** Writes a new action, under an id that no worker has a use for yet. */
  addAction(action: ActionToRun): ActionBlock {
    const block = this.blockOf(action);
    this.places.add(action.row, block.at);
    return block;
  }

  /** Writes an action anew; in force for every rule that has it when what `publish` gives next is. */
  changeAction(action: ActionToRun): ActionBlock {
    const block = this.blockOf(action);
    this.places.change(action.row, block.at);
    return block;
  }

  /** Takes `changeAction` back, before it was published. */
  restoreAction(row: number, { at }: ActionBlock): void {
    this.places.change(row, at);
  }

  /** Gives the place of an action's words back. Only once no worker runs them any more. */
  releaseAction(block: ActionBlock): void {
    const { at, length, tunnel, bucket } = block;
    if (--block.actions > 0) return;
    if (block.content) this.shared.delete(block.content);
    this.words.release(at, length);
    if (tunnel >= 0) this.tunnels.release(tunnel * TUNNEL_WORDS, TUNNEL_WORDS);
    if (bucket >= 0) this.buckets.release(bucket);
  }

  /** Gives what gives back the room of what `publish` has replaced: to be called when that is in force. */
  retire(): () => void {
    return this.places.retire();
  }

  private blockOf(action: ActionToRun): ActionBlock {
    return isShared(action.content) ? this.sharedBlock(action) : this.writeAction(action);
  }

  private sharedBlock(action: ActionToRun): ActionBlock {
    const { content, target } = action;
    const known = this.shared.get(content);
    if (known?.target === target) {
      known.actions++;
      return known;
    }
    const block = this.writeAction(action);
    // A device of another index has the name of the one before: those that send to that are not served any more.
    if (known) known.content = undefined;
    block.content = content;
    this.shared.set(content, block);
    return block;
  }

  private writeAction({ content: spec, target }: ActionToRun): ActionBlock {
    const length = actionLength(spec);
    const at = this.words.alloc(length);
    let tunnel = -1;
    let bucket = -1;
    if (spec.kind === 'tunnel_key' && spec.mode === 'set') {
      tunnel = this.tunnels.alloc(TUNNEL_WORDS) / TUNNEL_WORDS;
      writeTunnel(this.tunnels.words, tunnel, spec);
    } else if (spec.kind === 'police') {
      bucket = this.buckets.next();
      this.bucketCount = Math.max(this.bucketCount, bucket + 1);
      this.generation = (this.generation % 0x7fffffff) + 1;
    }
    writeActionWords(this.words.words, at, spec, { target, tunnel, bucket, generation: this.generation });
    return { at, length, tunnel, bucket, content: undefined, actions: 1, target };
  }
}

function writeTunnel(words: Int32Array, record: number, spec: TunnelKeySet): void {
  const at = record * TUNNEL_WORDS;
  words.fill(0, at, at + TUNNEL_WORDS);
  words[at + TunnelWord.FLAGS] =
    (spec.id === undefined ? 0 : TUNNEL_KEY) |
    (spec.csum ? TUNNEL_CSUM : 0) |
    (spec.noFrag ? TUNNEL_DONT_FRAGMENT : 0) |
    (spec.tos === undefined ? 0 : TUNNEL_TOS) |
    (spec.ttl === undefined ? 0 : TUNNEL_TTL) |
    (spec.gbp === undefined ? 0 : TUNNEL_VXLAN_OPT);
  words[at + TunnelWord.VNI] = spec.id ?? 0;
  words[at + TunnelWord.DST_PORT] = spec.dstPort ?? 0;
  words[at + TunnelWord.TOS] = spec.tos ?? 0;
  words[at + TunnelWord.TTL] = spec.ttl ?? 0;
  words[at + TunnelWord.GBP] = (spec.gbp ?? 0) | 0;
  words[at + TunnelWord.FAMILY] = spec.dstIp.length === 4 ? 4 : 6;
  writeAddress(words, at + TunnelWord.DST_IP, spec.dstIp);
  writeAddress(words, at + TunnelWord.SRC_IP, spec.srcIp);
}

function writeAddress(words: Int32Array, at: number, address: Uint8Array): void {
  const view = new DataView(address.buffer, address.byteOffset, address.byteLength);
  for (let w = 0; w < address.length / 4; w++) words[at + w] = view.getInt32(w * 4);
}
