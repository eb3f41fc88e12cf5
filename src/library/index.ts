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
  Action,
  ActionByIndex,
  ActionMaking,
  Control,
  CsumAction,
  CustomActionUse,
  GactAction,
  MirredAction,
  Munge,
  OldMunge,
  PeditAction,
  PoliceAction,
  Rate,
  SampleAction,
  SimpleAction,
  Size,
  SkbeditAction,
  TunnelKeyAction,
  TunnelKeySet,
  VlanAction,
} from './typed/action-types.js';
export type { Edit } from './typed/edit.js';
export type {
  Chain,
  ClassicVxlan,
  ExternalVxlan,
  FdbFlush,
  FdbMaking,
  FdbTarget,
  FilterDeletion,
  FilterMaking,
  FilterPlace,
  FilterRule,
  Hook,
  Link as LinkMaking,
  LinkChange,
  LinkSettings,
  MirrorVxlan,
  Qdisc,
  TapLink,
  Vni,
  VniDeletion,
  VniMaking,
  VxlanChange,
  VxlanLink,
  VxlanSettings,
} from './typed/edit-types.js';
export type { FilterHandle, FilterStatistics, LinkHandle } from './typed/handles.js';
export type { EtherType, Flags, Masked, Match, Port, TunnelMatch } from './typed/match-types.js';
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
