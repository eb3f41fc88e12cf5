/**
 * Preloaded into a vtep (NODE_OPTIONS=--import …): whoever classifies a frame of DEADLY bytes meets a fault that nobody
 * expected. Production code knows nothing of it.
 */
import { Hooks } from '../../../src/dataplane/classify.js';
import type { PacketIndex, Packets } from '../../../src/memory/packets.js';
import { DEADLY } from '../deadly.js';

const { decide } = Hooks.prototype;

Hooks.prototype.decide = function (this: Hooks, packet: PacketIndex): boolean {
  const { packets } = this as unknown as { readonly packets: Packets };
  if (packets.length[packet] === DEADLY) throw new TypeError('a fault that nobody expected');
  return decide.call(this, packet);
};
