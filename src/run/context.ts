import type { Log } from '../cloud/log.ts';
import type { DiskImage } from '../disk/disk.ts';
import type { Image } from '../ecs/images.ts';
import type { Clients } from './clients.ts';
import type { Ledger } from './ledger.ts';
import type { Mark } from './ownership.ts';
import type { ImportRequest } from './request.ts';

export interface RunLog extends Log {
  group: <T>(title: string, work: () => Promise<T>) => Promise<T>;
}

/** An image and its region. */
export type RegionalImage = Image & { region: string };

/** The part of the context that undoing needs. The post step has no more than this. */
export interface UndoContext {
  clients: Clients;
  /** Mark of this execution. */
  me: Mark;
  log: Log;
  request: Pick<ImportRequest, 'bucket' | 'forceDeleteSnapshots'>;
}

/** What the stages of a run share. */
export interface Context extends UndoContext {
  request: ImportRequest;
  /** The system disk first. */
  disks: DiskImage[];
  ledger: Ledger;
  log: RunLog;
  /** Called as soon as an image is Available, because a run that is cancelled later returns nothing. */
  onAvailable: (image: RegionalImage) => void;
}
