/**
 * What goes into upkeep and what comes out of it: checkpoints, archives, trims applied, deletion
 * (PROTOCOL.md sections 9 and 10).
 *
 * Upkeep is a state machine beside the core, stepped by the same host. Every effect is answered by
 * exactly one input with its request's number. Its numbers are its own, not the core's.
 *
 * Any node may do it, at any time, also when it only believes that it leads: safety rests on the
 * manifest's rules alone.
 */

import type { CreateOutcome, RequestId, Role } from "../protocol.js";
import type { LedgerSnapshot } from "../ledger/snapshot.js";
import type { ArchiveRef, ManifestOutcome, SnapshotRef } from "../manifest.js";
import type { ManifestView, ObjectId, ObjectRef } from "../manifest.js";
import type { Position } from "../types.js";
import type { WalkState } from "../walk.js";

/** Which objects a name may belong to; only the last three are named by manifests. */
export type ObjectName =
  | { readonly type: "segment"; readonly position: Position }
  | { readonly type: "manifest"; readonly number: number }
  | NamedObject;

/** `archive/<manifest>-<nonce>`, `checkpoint/<manifest>-<nonce>`, `snapshot/<manifest>-<nonce>`. */
export interface NamedObject {
  readonly type: "archive" | "checkpoint" | "snapshot";
  readonly id: ObjectId;
}

/** One page of a listing is to be had: names in order, from `startAt` on. */
export type Listing =
  /** Segments at positions in `[startAt, end)`. */
  | { readonly type: "segment"; readonly startAt: Position; readonly end: Position }
  /** Manifests from the number on. */
  | { readonly type: "manifest"; readonly startAt: number }
  /** From the beginning, or behind an object. */
  | { readonly type: NamedObject["type"]; readonly after: ObjectId | undefined };

export type UpkeepInput =
  /** A while has passed; about as often as the core's tick. */
  | { readonly type: "tick" }
  | {
      readonly type: "manifestResult";
      readonly request: RequestId;
      readonly outcome: ManifestOutcome;
    }
  | {
      readonly type: "manifestCreated";
      readonly request: RequestId;
      readonly outcome: CreateOutcome;
    }
  | { readonly type: "ledgerResult"; readonly request: RequestId; readonly outcome: LedgerWritten }
  | { readonly type: "archiveResult"; readonly request: RequestId; readonly outcome: Archived }
  /**
   * A snapshot whose objects were answered "created", or read back whole, is to be named. Answered by
   * `snapshotNamed` with this number, which is the host's.
   */
  | { readonly type: "nameSnapshot"; readonly naming: number; readonly snapshot: SnapshotRef }
  /** Nobody waits for the answer any more: there is none. A manifest under way may name it yet. */
  | { readonly type: "forgetSnapshot"; readonly naming: number }
  | { readonly type: "listResult"; readonly request: RequestId; readonly outcome: Listed }
  | { readonly type: "deleteResult"; readonly request: RequestId; readonly outcome: Deleted };

/** `created`: answered "created", or read back whole. */
export type LedgerWritten =
  | { readonly type: "created"; readonly ledger: ObjectRef }
  /** It may stand or not; it is never named. */
  | { readonly type: "failed" };

export type Archived =
  | {
      readonly type: "created";
      readonly archive: ArchiveRef;
      /** The walk at the archive's end. */
      readonly end: WalkState;
    }
  /** It may stand or not; it is never named. */
  | { readonly type: "failed" }
  /** What was read contradicts the log; so it counts only if the manifest still has this floor. */
  | { readonly type: "corrupt"; readonly reason: string };

/** What became of a snapshot that was to be named. */
export type SnapshotNamed =
  /** The greatest manifest names it. */
  | { readonly type: "named" }
  | {
      readonly type: "unnamed";
      readonly reason:
        /** The newest one covers as much, or more. */
        | { readonly type: "covered"; readonly newest: SnapshotRef }
        /** So many manifests were written meanwhile that none may name it first any more. */
        | { readonly type: "late" }
        /** The manifest is damaged: DATA_LOSS. */
        | { readonly type: "damaged"; readonly reason: string };
      /** No manifest that names its objects was ever sent: they may be deleted at once. */
      readonly unsent: boolean;
    };

export type Listed =
  | {
      readonly type: "listed";
      /** In the order of their names; names of nothing known are left out. */
      readonly names: readonly ObjectName[];
      /** Whether more may follow. An empty page has none. */
      readonly more: boolean;
    }
  | { readonly type: "unavailable" };

export type Deleted =
  | "deleted"
  | "absent"
  /** It may take effect later: deleted again if it is still seen. */
  | "unknown"
  /** No permission: tried again after a grace at the earliest. */
  | "refused";

export type UpkeepEffect =
  /** A manifest read: begins now. Answered by `manifestResult`. */
  | { readonly type: "readManifest"; readonly request: RequestId }
  /** One create, not repeated by the host. Answered by `manifestCreated`. */
  | {
      readonly type: "createManifest";
      readonly request: RequestId;
      readonly manifest: ManifestView;
    }
  /** Answered by `ledgerResult`. */
  | {
      readonly type: "createLedger";
      readonly request: RequestId;
      readonly id: ObjectId;
      readonly ledger: LedgerSnapshot;
    }
  /**
   * Reads the segments from `from.tail` on, walks them, and writes them into one object: at least one,
   * no further than `to`, whose state it then has to come to; fewer once `bytesMax` are reached.
   * Answered by `archiveResult`, after every get of it was answered.
   */
  | {
      readonly type: "createArchive";
      readonly request: RequestId;
      readonly id: ObjectId;
      readonly from: WalkState;
      readonly to: WalkState;
      readonly bytesMax: number;
    }
  /** One page. Answered by `listResult`. */
  | { readonly type: "list"; readonly request: RequestId; readonly listing: Listing }
  /** One delete, not repeated by the host. Answered by `deleteResult`. */
  | { readonly type: "delete"; readonly request: RequestId; readonly name: ObjectName }
  /** The answer to `nameSnapshot`. */
  | { readonly type: "snapshotNamed"; readonly naming: number; readonly outcome: SnapshotNamed }
  /** The log's past is damaged: DATA_LOSS. Upkeep archives no more; nothing is deleted by it. */
  | { readonly type: "damaged"; readonly reason: string };

/** How upkeep is paced and bounded. */
export interface UpkeepSettings {
  /** A checkpoint is written when the log has grown by so many segments. */
  readonly checkpointSegments: number;
  /** An archive is made of at least so many bytes of segments, or so many segments. */
  readonly archiveBytesMin: number;
  readonly archiveSegmentsMin: number;
  /** No archive is made of more bytes than this and a segment. */
  readonly archiveBytesMax: number;
  /** So many of the last segments stay as they are, for those who follow. */
  readonly keptSegments: number;
  /** Between two tries of what failed, and two looks at whether there is something to do. */
  readonly repeatMs: number;
  /** The most deletes under way at once. */
  readonly deletesMax: number;
  /** So many of the newest snapshots are kept. At least 1. */
  readonly snapshotsKept: number;
}

/** What upkeep sees of the core that it stands beside. */
export interface UpkeepLog {
  readonly walk: WalkState;
  /** Who does not lead, for all it knows, does no upkeep. */
  readonly view: { readonly role: Role };
  /** What the valid segments below the walk's tail have established. */
  readonly ledger: {
    /** Entries below are gone for readers, by a committed trim. */
    readonly firstIndex: number;
    /** All of it; this may take a while. */
    snapshot(): LedgerSnapshot;
  };
}

/** What upkeep needs from its host. */
export interface UpkeepOptions {
  readonly settings: UpkeepSettings;
  readonly log: UpkeepLog;
  /** A fresh random nonce: 32 hexadecimal digits. */
  readonly nonce: () => string;
}

/**
 * The host's clocks. Both begin anywhere, never move back and count sleep; they belong to one
 * process (PROTOCOL.md section 9).
 */
export interface UpkeepClock {
  /** Advances by the greatest of what the monotonic, the wall's and the store's clock did. */
  readonly ageMs: number;
  /** Advances by the least of them. */
  readonly leastMs: number;
}
