import type { Oss } from './client.ts';
import type { Unfinished } from './objects.ts';
import type { Progress } from './progress.ts';
import type { Source } from './reader.ts';

/** How the staged object is made. */
export interface Staging {
  key: string;
  /** An unfinished upload of an earlier attempt, to be resumed under its own key. */
  unfinished?: Unfinished | undefined;
  /** Mark of this execution, for the objects that it makes. */
  mark: string;
  /** Whether this execution or an earlier attempt of it made an object with this mark. */
  isOurs: (mark: string | undefined) => boolean;
  /** Prefix of the keys of the zero object and its seed. */
  zeros: string;
  /** Called before an upload begins, without an id, and again when its id is known. */
  onUpload: (key: string, id?: string) => void;
  /** Called when this upload does not exist: it was refused or completed, or is the only one and its id is known. */
  noUpload: (key: string, id?: string) => void;
  /** Called before a zero object is made. */
  onZeros: () => void;
  /** Called when no zero object was made, because the first request for it was refused. */
  noZeros: () => void;
}

/** The file and the multipart upload that receives it. */
export interface UploadJob extends Staging {
  oss: Oss;
  source: Source;
  uploadId: string;
  progress: Progress;
}
