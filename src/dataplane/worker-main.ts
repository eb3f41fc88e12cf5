/** What a worker thread runs: a worker, until it is told to stop. */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { ToWorker, WorkerStart } from './messages.js';
import { DatapathWorker } from './worker.js';

const port = parentPort;
if (port === null) throw new Error('the datapath worker runs in a worker thread only');
const start = workerData as WorkerStart;
const link = {
  say: (message: unknown): void => port.postMessage(message),
  next: (): ToWorker | undefined => (receiveMessageOnPort(port) as { message: ToWorker } | undefined)?.message,
};
new DatapathWorker(link, start).run(start.cpu);
