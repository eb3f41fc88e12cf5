/** `import { Endpoint } from 'vtep'` (docs/library.md). */
export type { ActionFunction } from './action-table.js';
export { Endpoint } from './endpoint.js';
export { VtepError, type VtepErrorCode } from './errors.js';
export type { EventStream } from './event-stream.js';
export type { ActionBatch, FrameBatch, TunnelMetadata } from './frame-batch.js';
export { Holding, type HoldingOptions } from './holding.js';
export type { CustomAction } from './program-actions.js';
export type { DropReason } from './reasons.js';
export type {
  Device,
  DeviceHandlers,
  Drop,
  EndpointEvent,
  EndpointOptions,
  EventType,
  FdbEntry,
  Filter,
  FilterAction,
  FilterKeys,
  FilterKeyValue,
  Link,
  LinkCounters,
  PacketSender,
  WorkerCounts,
} from './types.js';
