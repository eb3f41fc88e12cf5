/**
 * Preloaded into a vtep (NODE_OPTIONS=--import …): asking it for its drops brings about an error on the control thread that
 * nobody expected. Production code knows nothing of it.
 */
import { Devices } from '../../../src/control/devices.js';

Devices.prototype.refreshCounters = async (): Promise<void> => {
  setImmediate(() => {
    throw new TypeError('a fault of the control thread');
  });
};
