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

/** An image of the run, in its region. */
export type RegionalImage = Image & { region: string };

/** What undoing needs: a part of the context of a run, and all that is left of it in the post step. */
export interface UndoContext {
  clients: Clients;
  /** Of the execution. */
  me: Mark;
  log: Log;
  request: Pick<ImportRequest, 'region' | 'bucket' | 'skipClean' | 'forceDeleteSnapshots'>;
}

/** What every stage of a run works with. */
export interface Context extends UndoContext {
  request: ImportRequest;
  /** The system disk first. */
  disks: DiskImage[];
  ledger: Ledger;
  log: RunLog;
  /** Hears of each image the moment it is Available: a run that is cancelled later returns nothing. */
  onAvailable: (image: RegionalImage) => void;
}
