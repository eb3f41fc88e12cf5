/**
 * What a daemon is put together from once its workers have been told to begin. These modules are loaded while the workers
 * load theirs, on another processor (READY after 382 ms in the place of 404, the best of ten each).
 */
export { createTable } from '../classifier/create-table.js';
export { startProbes } from '../io/probe/start-probes.js';
export { Devices } from './devices.js';
export { takeLeave } from './ending.js';
export { EventLog } from './events.js';
export { Interpreter } from './interpreter.js';
export { LeftGarbage } from './left-garbage.js';
export { admitObservers, tellDeaths } from './observers.js';
export { Rules } from './rules.js';
export { ControlServer } from './server.js';
export { runStartBatch } from './start-batch.js';
export { giveBack } from './stateful-endpoint.js';
export { StrictPeers } from './strict-peers.js';
